<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1">
    <context>
        <name>Mtmsd</name>
        <message>
            <source>Apply classifier</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>hyperspectral,classification,land cover,transfer,other scene,other date,area of applicability,torch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Maps a raster with a classifier that 'Classify' or 'Map a scene in one step' has written: another scene, another date, the next tile. Nothing is learnt. The report says first whether the map may be believed: how far the scene differs from the one that was learnt from, by which bands, and which share of it resembles the training samples. A cancelled or killed run goes on where it was.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Raster</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>A scene with the bands of the one that was learnt from, found by wavelength, name or order; or a feature raster, for a classifier that was learnt from one.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Classifier</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>MTMSD classifier (*.mtmsdc);;All files (*)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The file OUTPUT_CLASSIFIER of 'Classify' or 'Map a scene in one step'.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Diffusion model</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>MTMSD model (*.mtmsd);;All files (*)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The one that the classifier was learnt with; only where its file does not hold it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Adapt the bands</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>none: the values are taken as they are. scale: each band is brought to the median and the spread of the scene that was learnt from; for scenes of another light or another unit, with about the same land cover.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Class map</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>GeoTIFF of class ids, 0 where there is no data.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Confidence</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Probability of the class on the map, 0 to 1; -1 where there is no data.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Probabilities</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>One band a class, 0 to 1; -1 where there is no data.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Area of applicability</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Band 1: 1 where the pixel resembles the training samples, else 0. Band 2: the dissimilarity index (Meyer &amp; Pebesma 2021). Band 3, where samples were held out: 1 inside and at least as sure as three quarters of them. -1 where there is no data.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Report</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>HTML files (*.html)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Whether the map may be believed, and why; the same as JSON goes beside it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Share inside the area of applicability</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>How well the scenes can be told apart (AUC)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Assess accuracy of a class map</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>accuracy,confusion matrix,error matrix,validation,kappa,user's,producer's,area,Olofsson,Stehman,stratified</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Holds a class map of any program against reference samples: confusion matrix, overall and average accuracy, kappa, user's and producer's accuracy and F1 of every class, with 95 % intervals; and, from random samples, accuracies and areas corrected for the errors of the map, with standard errors (Olofsson et al. 2014, Stehman 2014). Report, JSON and CSV. It needs no torch.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>One band of class ids, whole numbers; of this plugin or any other program.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Reference layer</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Points or polygons with their true class, in any CRS, that had no part in making the map. A polygon takes the pixels whose centre it covers.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Class field</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Ids of the map's classes, or their names as in its legend, attribute table or category names; capitals do not matter.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>How samples were drawn</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>stratified: at random in each class of the map, or in each stratum of STRATA. random: at random, or on a grid, over the whole map. unknown: neither, or not known; the report then says that its figures speak for the samples only.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Strata</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>A raster of whole numbers with the map's pixels, where samples were drawn by strata other than the map's classes, such as those of an earlier map. It says the stratum of each sample and how large each stratum is.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>All figures and what they rest on, for people; one file that needs no network.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Figures as JSON</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>JSON files (*.json)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Figures as CSV</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>CSV files (*.csv)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The content of the report, for programs.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Overall figures, one row a class, and the matrix, for spreadsheets.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Overall accuracy (%)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Average accuracy (%)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Kappa (%)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Overall accuracy by area (%)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Reference pixels</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Map a scene</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Class table</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>A table, such as a CSV file, with a row for each class that is to be changed. Columns: value (of the class field), name, colour, merged_into (the value of another class, or of a new one with a row of its own) and left_out (yes: its samples are not used). Classes without a row stay as they are.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Class weights</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>How probable the classes are before a pixel is seen. classifier: as the classifier has it. even: all alike. samples: by their shares of the training samples. area: by the column 'area' of CLASS_TABLE, in any unit. The probabilities are corrected by Bayes' rule; nothing else changes.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Smallest patch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The minimum mapping unit: patches that are smaller get, as a whole, the most probable class of the patches that they touch. Pixels belong to one patch where their sides meet. Accuracy and areas are those of the map after this. 0: every patch stays.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Unit of the smallest patch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>pixels, or m2: square metres, for a raster whose coordinate system has a unit of length.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Least confidence</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Pixels whose class is less probable than this are 'not sure', a row of the legend of their own (id 255 where it is free). The report gives accuracy and areas with and without them. 0: every pixel has a class.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Sample weights</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>A field of numbers: how much the samples of each feature count where the classes are learnt, for example by how sure you are of them. Twice the weight counts like two samples. 0: the feature is left out. Every classifier takes weights; in the accuracy all held-out samples count alike.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Field of class areas</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>For the class weights 'area', in place of a class table: a field of numbers with the area of the feature's class, in any unit, the same for all features of a class.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Segments (mean pixels)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Pixels are classified in groups: segments of neighbouring pixels with similar spectra, of so many pixels on average. Each has one class, that of the mean of its pixels' probabilities. 0: as in the run that the classifier was learnt in, where SUPERTOKENS was set; where its samples allowed no size, segments are not used, and the log says so. Not set: each pixel is classified by itself.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Pixels are classified in groups: segments of neighbouring pixels with similar spectra, of so many pixels on average. Each has one class, that of the mean of its pixels' probabilities. 0: the largest size at which at most 2 % of the training samples lie in segments of mostly another class; where there is none, segments are not used, and the log says so. Not set: each pixel is classified by itself.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Segments</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The number of each pixel's segment, from 1; 0 where there is no data. Needs SUPERTOKENS.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Segment polygons</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>A polygon of each segment, the least certain first, in the colours of the map. Fields: id, class, class_id, confidence, runner_up, runner_up_share, pixels, and purity, the share of its pixels that have the same class by themselves. Corrected, the layer serves as TRAINING with the class field class_id. Needs SUPERTOKENS.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Maps of {scene}</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Training layer</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Points or polygons with a known class, in any CRS. A polygon takes the pixels whose centre it covers. Class names and colours come from the layer's categories where it has them.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Whole numbers from 1 to 65535 become the ids of the map; anything else is numbered in the order of its values.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Validation layer</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Independent reference samples with the same class field. They are used to judge the map, never to learn. Given, nothing else is held out.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Split (what the map is for)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>What the map shall be good at. It decides how the classifier 'auto' cross-validates its models, and how a part of the samples is held out to judge the map where there is no validation layer. spatial: places that have no samples; whole polygons, or blocks of points, are held out. block: the same, always by blocks of the grid. random: more pixels of the fields that have samples; single pixels are held out, as papers do, and the figure is too optimistic for other places. none: all samples are used, and there is no accuracy.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>scene: whole scenes are held out, where there are further feature rasters.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Share held out</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Share of the samples of every class that is held out.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>auto: linear discriminant analysis and kernel ridge regression on spectra and on means of diffusion features, cross-validated on the training samples as the split says. Their probabilities are averaged; up to a minute. mtmsd: the published method, an ensemble of networks that weigh the timesteps for every pixel; minutes. transformer3d: 3-D convolution and transformer on patches of the features; minutes. linear: logistic regression, as a yardstick. hyperfeatures: the same, with a weight for every timestep and stage, which the report shows; seconds.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Buffer (pixels)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Networks in the ensemble</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Networks whose probabilities are averaged. Not set: 5 for mtmsd, 2 for transformer3d.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Epochs</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Passes over the training samples. Not set: 100 for mtmsd, 40 for transformer3d.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Block size (pixels)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Side of the blocks that 'block', and 'spatial' where samples are points, keep together.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Training samples within this distance of a held-out sample are left out. 0: none is.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>MTMSD classifier (*.mtmsdc)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>What was learnt, for other scenes with the same bands: 'Apply classifier' maps them with it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Classifier includes the diffusion model</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The classifier's file is then enough to map another scene; it is larger by the model, 7 MB for the preset quick. Not: the model's own file is needed too.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Uncertainty</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>How unsure the class is, in bands from 0 to 1. entropy: 0 where one class is certain, 1 where all are equally probable. margin: probability of the class less that of the runner-up, near 0 where two classes compete. disagreement, where the classifier 'auto' has both: how far discriminants and kernel ridge regressions differ. -1 where there is no data.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Accuracy with intervals, confusion matrix, calibration, areas, what the map depends on, what was held out and how. The same as JSON and CSV goes beside it, under the same name.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Points to explain</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Points whose classes the report explains: which training polygons speak for the class there and which against it, and what each model says. Up to 100 points; needs a report, the classifier auto, one raster and no extra rasters.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Timesteps</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Noise levels from 0 (least) to 999, for example 50,100,150. Not set: 50 to 950 in steps of 50. auto: as few of these as stand for all, by how alike their features are; no label is looked at.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Stages</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Layers of the network's decoder from 0 (coarse) to 8 (fine). Not set: 0,1,2,3,5.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Features kept per timestep</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>0 keeps all. Not set: by the preset of the model.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Work of an interrupted run</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Folder that a cancelled or killed run left beside its output, and named in its log. The run goes on from there to the same result; raster, samples, model and settings must be the same. A run to the same output finds the folder by itself.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Parameters</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Results</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Advanced parameters</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The scene the model was trained on, or another one with the same bands. Bands are matched by wavelength, else by name, else by order.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The file written by 'Pretrain diffusion model'.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Field of the training layer that names the class: numbers or text.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The same seed, inputs and device give the same result.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Random seed</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Device</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>auto takes a graphics card where torch can use one, else the processor, and the log says why. cpu is the processor, cuda the first graphics card, cuda:1 the second and so on; with these there is no falling back. 'Check environment' lists the cards.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Overlapping polygons of different classes</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>A pixel can have one class only. refuse: the run stops and names the polygons. later: the feature that was added later wins. drop: pixels of several classes are left out.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Seconds in the worker</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Device used</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Bands</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Bands to use. Without a choice all are used, except transparency, those that the metadata marks as bad and those that are empty or constant; the log names them.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Pixels to leave out</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Raster: every value other than 0 and nodata is left out. Vector: what it covers is left out. Any CRS and resolution.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Preset</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>quick: minutes on a processor with two cores. standard: a laptop's graphics card, under half an hour. paper: the published network and schedule, for a large graphics card.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Principal components</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Of the bands, at most; the network sees these instead of the bands. Not set: by preset.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Iterations</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Steps of the training; the time grows in proportion. Not set: by preset.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Batch size</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Patches a step; less takes less memory. Not set: by preset.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Patch size (pixels)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Side of a training patch, a multiple of 4 from 16 on. Not set: by preset.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Base width</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Size of the network: 32, 64 or 128. Not set: by preset.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Learning rate</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The largest step of the optimiser; it rises to this at the start, and with standard falls from then on. Not set: by preset.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Largest timestep trained</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Noise is drawn up to this level, 1 to 999. Smaller: all steps of the training go to levels whose features are used; those of larger timesteps are refused from then on. Not set: 999.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Band scaling</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>standard divides each band by its deviation first, for rasters whose bands have different units.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Extra rasters</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Only for a classifier that was learnt with extra rasters: the same kinds of rasters of this scene, in the same order. 'Describe a file' lists them.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>What else is known of the scene: a surface model, radar, indices, another season, a map of soils. Any CRS, grid, unit and number type, with holes. For the classifier auto. A pixel without an extra is mapped without it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Use of extra rasters</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>auto: an extra raster is used where held-out samples are classified better with it, and better than with copies of it shifted over the scene; else it is left out, and the report says why. always: it is used without asking.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Texture of the scene as an extra</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>How much the scene's leading components vary around each pixel, in boxes of 3, 7 and 15 pixels. Used by the same rule as an extra raster.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>What else is to part the scene: a surface model, radar, indices, another season, a map of soils. Any CRS, grid, unit and number type, with holes. All are used that have data and are not the same everywhere, as no samples say what helps. A pixel without an extra has a cluster too, by its spectrum.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Further rasters</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>More scenes of the same sensor to learn from, of any size and CRS: other dates, other tiles. Their bands are matched with those of the raster by wavelength, else by name, else by order. Each scene has a share of the training by its valid pixels. 'Pixels to leave out' counts in all of them.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Further feature rasters</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>More scenes to learn from, with the same features of the same diffusion model, in any CRS. Each feature of the training layer is looked up in the first raster that covers it. The map is that of the feature raster above.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Creation options</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>How the rasters are stored, in GDAL's words for GeoTIFF: NAME=VALUE, with | between several, such as COMPRESS=ZSTD|ZSTD_LEVEL=15. Not set: maps are compressed and tiled, scenes and features lie plain, band by band. Options that would change values are refused.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Suggested samples</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Points to label next, the most useful first: pixels of which the map is least sure, each typical of many such pixels, spread over the scene. Fields: rank, class (empty, to fill), map_class, runner_up, confidence, why.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Number of suggested samples</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>How many points SUGGESTIONS has.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Roads and paths</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Lines from which the suggested samples can be reached. Not set: they may lie anywhere.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Distance from roads and paths (m)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Suggested samples lie at most so far from the lines of REACHABLE.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Many scenes (campaigns)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Campaign folder</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The folder that 'Prepare campaign' has written.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>3 Collect campaign</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>cluster,tiles,mosaic,virtual raster,vrt,many scenes,report,accuracy</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Makes GeoTIFFs of the maps of a finished campaign, a virtual mosaic that shows them as one map with the classes' names and colours, and one report over all scenes: accuracy at the held-out samples, areas, and each scene's share. The campaign folder is not changed.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Write the confidence too</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>For each scene a raster of the probability of the class on the map, 0 to 1.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Folder of the maps</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>A class map of each scene, named after its raster, and mosaic.vrt over them. Scenes in another CRS have a mosaic of their own, mosaic_2.vrt and so on.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Accuracy, areas and what was learnt, over all scenes; the same as JSON and CSV goes beside it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Class map of all scenes</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Scenes</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>1 Prepare campaign</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>cluster,slurm,tiles,mosaic,many scenes,country,large,export,torch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Writes many scenes of one sensor, a training layer and the settings into one folder: a campaign. All scenes are then mapped as one raster, with one diffusion model and one classifier, and without seams between neighbours; by 'Run campaign on this computer' or by the jobs of a cluster, which need the folder, Python with torch, and no QGIS.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Rasters</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The scenes to map: tiles of one raster, or scenes of one sensor. Bands are matched with those of the first raster by wavelength, else by name, else by order. Where two overlap, the first one counts.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Of scenes with the same bands. Not given: the campaign trains one on all its scenes.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>A new or empty folder, on a disk that all workers see. It holds the scenes, and later the maps.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Pixels</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Training samples</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Hours of one core, estimated</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>2 Run campaign on this computer</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>cluster,tiles,mosaic,parallel,many scenes,large,resume,torch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Trains the model of a campaign, learns its classifier and maps all its scenes, with one worker for each graphics card or for each core of the processor. A cancelled or killed run loses seconds: run it again, here or on a cluster, and it goes on. 'Collect campaign' makes maps and report of the result.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Workers</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Processes that map at the same time; each takes about 1 GB of memory. Not set: one for each graphics card, else one for each core.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Scenes mapped</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Check environment</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Data and environment</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>torch,python,cuda,gpu,install,diagnostics</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Says which Python would run the computing, whether it has torch, numpy and scipy, which graphics cards torch sees, and what to do where something is missing. Nothing is installed or changed.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>What was found, for people.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Report for programs</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The same as JSON. Paths below the home folder begin with ~.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Ready to compute</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>3 Classify diffusion features</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>hyperspectral,supervised,classification,land cover,accuracy,kappa,confidence,torch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Learns classes from the samples of a training layer and maps them over the whole feature raster. The map carries the names and colours of the layer's categories. Part of the samples is held out to judge the map: by default whole polygons or blocks, as pixels beside a training pixel are no independent test.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Feature raster</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Written by 'Extract diffusion features'. Any other raster works too: each of its bands is then a feature.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>For the classifiers mtmsd and linear: how many features are chosen with the training samples at each timestep; 0 keeps all. Not set: 60 % where the raster holds all features, else all.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Map clusters of a scene</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>hyperspectral,unsupervised,clustering,k-means,isodata,ward,land cover,segmentation,no labels,torch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Maps a scene without any training sample: pixels that are alike become a cluster. The number of clusters is given, or proposed from what two halves of the scene agree on. The map has the colours of the land, and the same numbers for the same clusters in every run. 'Name clusters' makes a class map of it, with a few labelled points. A reference layer only judges the map, it never changes it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>A scene of any data type with one band or more, or a feature raster.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Clusters</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>0: the number is proposed, and the report shows why. Else from 2 to 60.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Features</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>diffusion: of the model below, or of one that is trained on this raster; minutes. bands: the raster's own bands alone; seconds. A feature raster is taken as it is.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Of this scene or of one with the same bands. Not given: one is trained on this scene.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Further numbers of clusters</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>For example 4,8,16: a map for each, nested in the others, as bands of OUTPUT_LEVELS. A cluster 3 of one map is 3.1 and 3.2 on the next.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Points or polygons with their true class. They judge the finished map, and change nothing.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Of the reference layer.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Cluster map</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>GeoTIFF of the numbers of the clusters, 0 where there is no data.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Of the cluster on the map, 0 to 1; -1 where there is no data. On average it is the share of the pixels on which two halves of the scene agree.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Nested maps</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>One band for each number of LEVELS.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Places to look at</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Three typical pixels of each cluster, those of the largest cluster first. Fill their field 'class', and 'Name clusters' takes the layer.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Why so many clusters, their mean spectra and areas, which are alike, and the scores where there is a reference layer. The same as JSON goes beside it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Diffusion model trained</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>MTMSD model (*.mtmsd)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The model that was trained, for other scenes with the same bands.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Clusters on the map</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Overall accuracy, clusters matched one to one (%)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Adjusted Rand index</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Normalised mutual information</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Name clusters</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>unsupervised,clustering,labelling,reclassify,class map,land cover</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Makes an ordinary class map of a cluster map: each cluster takes the class of the labelled points or polygons in it, or the name that a table gives it. One point in each cluster is enough; 'Map clusters of a scene' suggests where. Clusters of one class become one. It needs no torch.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>One band of whole numbers, of 'Map clusters of a scene' or any other program.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Labelled points or polygons</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>A few, in any CRS. A cluster takes the class that most of its labelled pixels have, where that has a probability of 0.5 or more.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Of the labelled layer. Features without a value are left out.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Names of clusters</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Cluster</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Class</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Number of a cluster and its class, a row each. What stands here counts more than the layer.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Clusters without a name</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>keep: each stays a class of its own, called after its number. nodata: they become no data.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Classes on the map</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Share of the map that has a name (%)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Describe a model or classifier file</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>model,classifier,checkpoint,metadata,bands,wavelengths,accuracy,fingerprint</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Says what a diffusion model, a classifier or a checkpoint is: what it was made from and with, the bands it needs, and of a classifier its classes and their accuracy as it was measured. Only the file's header is read; nothing is changed, and torch is not needed.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>File</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>MTMSD files (*.mtmsd *.mtmsdc *.checkpoint);;All files (*)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>A diffusion model (.mtmsd), a classifier (.mtmsdc) or the checkpoint of an interrupted training.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>What the file is, for people; the same as JSON lies beside it, for programs.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Kind of file</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Fingerprint (SHA-256)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Version of the file</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Classes</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Explore diffusion features</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>hyperspectral,diffusion,timestep,stage,explain,interpret,components,receptive field,CKA,torch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Shows what the features of each timestep and stage are: as pictures, and in figures. How much of them is in the spectrum already, how far they look, how much is drawn noise, which timesteps say the same, and, with a training layer, what they know of the classes on fields that are held out. Cards show the channels that tell most, and what they resemble. Some tiles of the scene are looked at, so that it takes minutes.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Given: the report says what each timestep and stage knows of these classes, at polygons or blocks that are held out. Not given: clusters of the spectra stand in where classes are needed.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Noise levels from 0 (least) to 999, for example 50,100,150. Not set: 50 to 950 in steps of 50.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Pictures and figures of each timestep and stage, each with a sentence. The figures as JSON go beside it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Gallery</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The pictures of the report as a raster that lies on the scene: for each stage and timestep three bands, red, green and blue, from 1 to 255; 0 where nothing was looked at. It has the pixels of the pictures: every single, second or fourth of a line, fewer in scenes of over 30 million pixels.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Timestep of the best cell</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Stage of the best cell</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Held-out accuracy of the best cell (%)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>2 Extract diffusion features</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>hyperspectral,deep learning,diffusion,purification,timestep,stage,torch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Adds noise to the scene at several levels (timesteps), lets the diffusion model look at it, and takes what the network's layers (stages) see as features of every pixel. The most telling features are kept (purification). The result is a raster with a band for each timestep and feature, and the spectra behind them, for 'Classify diffusion features'. It is large: 2 bytes a pixel and band.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Given: the features are chosen that tell these classes apart. Use training samples only, never those that the map is judged by. Not given: clusters of the spectra stand in for classes.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Store the spectra as well</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Adds the bands of the scene behind the features. The classifier 'auto' needs them to be good at places that have no samples.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>16-bit GeoTIFF; bands are named by timestep, stage and channel.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Bands written</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Timesteps used</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Import benchmark scene (.mat)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>hyperspectral,matlab,indian pines,pavia,ground truth,geotiff</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Reads a hyperspectral scene and its ground truth from MATLAB files, the form in which the public benchmark scenes are handed round, and writes a GeoTIFF, a raster of the labels, and a point layer with one point for every labelled pixel, for use as a training layer.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>MATLAB files (*.mat);;All files (*)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Scene</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>File with an array of rows, columns and bands; versions 5 to 7.2 of the format.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Name of the array</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Needed only where the file holds several arrays of three dimensions.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Ground truth</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>File with an array of rows and columns: class ids, 0 where there is no label.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Pixel size</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>In the unit of the CRS; metres where none is given. The files do not tell it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>CRS</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Not set: a local grid in metres, as the files do not say where on Earth the scene lies.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>GeoTIFF with the values and bands of the file.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Label raster</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Class ids, 0 where there is no label. Needs a ground truth.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Labelled points</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>One point a labelled pixel, with the fields class_id and class. Needs a ground truth.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Map a scene in one step</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>hyperspectral,land cover,classification,diffusion,supervised,accuracy,large,torch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The three steps in one: trains a diffusion model on the raster (or takes one that you have), learns the classes of a training layer from its features, and maps them. Features are computed where they are needed and never stored, so a scene of any size needs little disk and memory. A cancelled or killed run leaves its work in a folder beside the class map; the same run goes on from there.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The scene to map: any data type, one band or more.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The model that was trained, for other scenes with the same bands. Only where MODEL is not given.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>1 Pretrain diffusion model</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>hyperspectral,deep learning,self-supervised,unsupervised,train,torch,features</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Trains a small diffusion model on a multi- or hyperspectral raster. No labels are needed: the model learns what the scene looks like by removing noise from patches of it. The result is a model file, from which 'Extract diffusion features' takes features for classification. A cancelled or killed run leaves a checkpoint beside the output; give it as 'Checkpoint to go on from' to finish the run.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The scene to learn from: any number type, one band or thousands.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Checkpoint to go on from</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>MTMSD checkpoints (*.checkpoint);;All files (*)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The file that an interrupted run left beside its output, ending in .checkpoint. With the same raster and settings, training goes on to the same result.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The model file: the network, and how the bands were prepared for it.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Loss curve, denoised samples at a few noise levels, features of a few timesteps and stages as pictures, settings, device and time.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Final loss</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>MTMSD: diffusion features for hyperspectral scenes</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Python with torch, numpy and scipy (empty: environment variable MTMSD_PYTHON, or the plugin's own)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Set up environment</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>torch,python,cuda,gpu,install,pip,offline</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Makes a Python of the plugin's own, with torch, numpy and scipy, apart from QGIS; the Python of QGIS is left as it is. About 0.3 GB are downloaded for the processor (1.1 GB on the disk), about 3 GB for an NVIDIA card (7 GB on the disk), from PyPI and PyTorch's index, or where pip is configured to look. The log says place, size and source before anything is downloaded. It can be cancelled, and run again. Without a network, give a folder of wheels.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Build of torch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>cuda: the build for NVIDIA cards that fits card and driver. cpu: for the processor. auto: cuda where there is a card, else cpu; a card that cannot be used is reported, not passed over.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Folder for the environment</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Where it goes. Empty: 'mtmsd' in the user's folder for application data, or the folder that the environment variable MTMSD_HOME names.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Folder of wheels (no network)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Packages that were downloaded elsewhere, with the command that the log of a run with a network ends with. Given, the network is not used at all.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Python of the environment</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Version of torch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Package index for torch</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>An index that has torch, in place of PyTorch's own, such as a mirror, or the index of another CUDA version.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Python to make it from</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Programs (*)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Empty: the Python of QGIS, which stays as it is. Needed where QGIS has none that can be started, as QGIS 4 for macOS, or one that torch does not support.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Scene to class map</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Map another scene</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Class map of the other scene</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Report on the other scene</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Other scene</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The scene that has no samples of its own: another date of the same ground, or the next tile. It needs the bands of the first scene, found by wavelength, name or order.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Trains a diffusion model on the scene, extracts its features, and classifies them with the training layer: the three steps with their usual settings. The features are chosen without a look at the labels, so that the samples held out are held out from every step.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Trains a diffusion model on a scene, learns classes there from the training layer, and maps another scene of the same sensor with what was learnt. The report on the other scene says first whether its map may be believed.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>hyperspectral,classification,land cover,deep learning,model,workflow</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>The same seed and inputs give the same two layers.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Split samples into training and validation</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>training,validation,reference,holdout,spatial split,block,buffer,sampling,accuracy</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Parts labelled points or polygons into a training layer and a validation layer. Whole polygons, or whole squares of a grid, can be kept apart, with a distance between the two layers: pixels beside a training pixel are no independent test of a map. Classes keep their share in both layers as far as whole polygons or squares allow it. What stays in training as a whole, and all that is left out, is named in the log.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Points or polygons with a known class; only the selected ones, where you ask for that.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Numbers, text or dates. Features without a value are left out and counted in the log.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Method</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>group: whole polygons (or multipoints) go to one side; single points go by squares, as with block. block: all samples in a square of a grid go to one side. random: single samples of each class, as many papers do; an accuracy from these is too high where samples are neighbours.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Raster, to split its pixels</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Given, the samples are its pixels: a point at the centre of each pixel whose centre a polygon covers or that a point lies in, with the class and the id of the feature. Not set: the features are the samples, with all their attributes.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Samples to learn from, in the form and CRS of the layer, or of the pixels.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Samples to judge a map by; none of them is in the training layer.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Validation samples</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Share for validation</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Of the samples of every class; more than 0 and less than 1.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Training samples per class, instead of the share</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Given, this many samples of every class are for training and the others for validation. With group and block, what exceeds the number in a polygon or square of the training side is left out.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Distance between the layers (m)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Block size (m)</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Validation samples within this distance of a training sample are left out. Half the width of the window that a classifier sees is a good choice. 0: none is left out.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Side of the squares. 0: chosen so that about a hundred squares cover the samples; the log says how large they are.</source>
            <translation type="unfinished"></translation>
        </message>
        <message>
            <source>Samples of {scene}</source>
            <translation type="unfinished"></translation>
        </message>
    </context>
</TS>
