#!/bin/bash
# Submits all steps of a campaign to Slurm, each when the one before it has ended well.
#
#   submit.bash CAMPAIGN WORKER [WORKERS]     WORKER is the path of mtmsd_qgis/worker.py, WORKERS of the arrays: 64
#
# SBATCH may name another program than sbatch, with the same options and "--parsable" (a job number as its answer).
set -e
here=$(cd "$(dirname "$0")" && pwd)
campaign=$(cd "${1:?the campaign folder}" && pwd)
worker=$(realpath "${2:?path of mtmsd_qgis/worker.py}")
count=${3:-64}
before=
for step in moments pretrain statistics gather learn map judge; do
    options=(--parsable --job-name="mtmsd-$step" --export="ALL,CAMPAIGN=$campaign,STEP=$step,WORKER=$worker")
    [ -n "$before" ] && options+=("--dependency=afterok:$before")
    case $step in
    moments | gather | map) options+=("--array=0-$((count - 1))" "$here/array.sbatch") ;;
    *) options+=("$here/whole.sbatch") ;;
    esac
    before=$("${SBATCH:-sbatch}" "${options[@]}")
    echo "$step: job $before"
done
