<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de">
    <context>
        <name>Mtmsd</name>
        <message>
            <source>Apply classifier</source>
            <translation>Klassifikator anwenden</translation>
        </message>
        <message>
            <source>hyperspectral,classification,land cover,transfer,other scene,other date,area of applicability,torch</source>
            <translation>hyperspektral,Klassifikation,Landbedeckung,Übertragung,andere Szene,anderes Datum,Anwendungsbereich,torch</translation>
        </message>
        <message>
            <source>Maps a raster with a classifier that 'Classify' or 'Map a scene in one step' has written: another scene, another date, the next tile. Nothing is learnt. The report says first whether the map may be believed: how far the scene differs from the one that was learnt from, by which bands, and which share of it resembles the training samples. A cancelled or killed run goes on where it was.</source>
            <translation>Kartiert ein Raster mit einem Klassifikator, den „Klassifizieren“ oder „Szene in einem Schritt kartieren“ geschrieben hat: eine andere Szene, ein anderes Datum, die nächste Kachel. Gelernt wird nichts. Der Bericht sagt zuerst, ob man der Karte glauben darf: wie weit die Szene von der abweicht, von der gelernt wurde, in welchen Kanälen, und welcher Anteil den Trainingsproben ähnelt. Ein abgebrochener oder beendeter Lauf geht dort weiter, wo er war.</translation>
        </message>
        <message>
            <source>Raster</source>
            <translation>Raster</translation>
        </message>
        <message>
            <source>A scene with the bands of the one that was learnt from, found by wavelength, name or order; or a feature raster, for a classifier that was learnt from one.</source>
            <translation>Eine Szene mit den Kanälen der Szene, von der gelernt wurde, gefunden nach Wellenlänge, Name oder Reihenfolge; oder ein Merkmalsraster, für einen Klassifikator, der von einem gelernt wurde.</translation>
        </message>
        <message>
            <source>Classifier</source>
            <translation>Klassifikator</translation>
        </message>
        <message>
            <source>MTMSD classifier (*.mtmsdc);;All files (*)</source>
            <translation>MTMSD-Klassifikator (*.mtmsdc);;Alle Dateien (*)</translation>
        </message>
        <message>
            <source>The file OUTPUT_CLASSIFIER of 'Classify' or 'Map a scene in one step'.</source>
            <translation>Die Datei OUTPUT_CLASSIFIER von „Klassifizieren“ oder „Szene in einem Schritt kartieren“.</translation>
        </message>
        <message>
            <source>Diffusion model</source>
            <translation>Diffusionsmodell</translation>
        </message>
        <message>
            <source>MTMSD model (*.mtmsd);;All files (*)</source>
            <translation>MTMSD-Modell (*.mtmsd);;Alle Dateien (*)</translation>
        </message>
        <message>
            <source>The one that the classifier was learnt with; only where its file does not hold it.</source>
            <translation>Dasjenige, mit dem der Klassifikator gelernt wurde; nur, wo seine Datei es nicht enthält.</translation>
        </message>
        <message>
            <source>Adapt the bands</source>
            <translation>Kanäle anpassen</translation>
        </message>
        <message>
            <source>none: the values are taken as they are. scale: each band is brought to the median and the spread of the scene that was learnt from; for scenes of another light or another unit, with about the same land cover.</source>
            <translation>none: Die Werte werden genommen, wie sie sind. scale: Jeder Kanal wird auf Median und Streuung der Szene gebracht, von der gelernt wurde; für Szenen mit anderem Licht oder anderer Einheit und etwa gleicher Landbedeckung.</translation>
        </message>
        <message>
            <source>Class map</source>
            <translation>Klassenkarte</translation>
        </message>
        <message>
            <source>GeoTIFF of class ids, 0 where there is no data.</source>
            <translation>GeoTIFF mit Klassen-IDs; 0, wo keine Daten sind.</translation>
        </message>
        <message>
            <source>Confidence</source>
            <translation>Konfidenz</translation>
        </message>
        <message>
            <source>Probability of the class on the map, 0 to 1; -1 where there is no data.</source>
            <translation>Wahrscheinlichkeit der kartierten Klasse, 0 bis 1; -1, wo keine Daten sind.</translation>
        </message>
        <message>
            <source>Probabilities</source>
            <translation>Wahrscheinlichkeiten</translation>
        </message>
        <message>
            <source>One band a class, 0 to 1; -1 where there is no data.</source>
            <translation>Ein Kanal je Klasse, 0 bis 1; -1, wo keine Daten sind.</translation>
        </message>
        <message>
            <source>Area of applicability</source>
            <translation>Anwendungsbereich</translation>
        </message>
        <message>
            <source>Band 1: 1 where the pixel resembles the training samples, else 0. Band 2: the dissimilarity index (Meyer &amp; Pebesma 2021). Band 3, where samples were held out: 1 inside and at least as sure as three quarters of them. -1 where there is no data.</source>
            <translation>Kanal 1: 1, wo das Pixel den Trainingsproben ähnelt, sonst 0. Kanal 2: der Unähnlichkeitsindex (Meyer &amp; Pebesma 2021). Kanal 3, wo Proben zurückgehalten wurden: 1 innerhalb und mindestens so sicher wie drei Viertel von ihnen. -1, wo keine Daten sind.</translation>
        </message>
        <message>
            <source>Report</source>
            <translation>Bericht</translation>
        </message>
        <message>
            <source>HTML files (*.html)</source>
            <translation>HTML-Dateien (*.html)</translation>
        </message>
        <message>
            <source>Whether the map may be believed, and why; the same as JSON goes beside it.</source>
            <translation>Ob man der Karte glauben darf, und warum; dasselbe liegt als JSON daneben.</translation>
        </message>
        <message>
            <source>Share inside the area of applicability</source>
            <translation>Anteil innerhalb des Anwendungsbereichs</translation>
        </message>
        <message>
            <source>How well the scenes can be told apart (AUC)</source>
            <translation>Wie gut sich die Szenen unterscheiden lassen (AUC)</translation>
        </message>
        <message>
            <source>Assess accuracy of a class map</source>
            <translation>Genauigkeit einer Klassenkarte beurteilen</translation>
        </message>
        <message>
            <source>accuracy,confusion matrix,error matrix,validation,kappa,user's,producer's,area,Olofsson,Stehman,stratified</source>
            <translation>Genauigkeit,Konfusionsmatrix,Fehlermatrix,Validierung,Kappa,Nutzergenauigkeit,Produzentengenauigkeit,Fläche,Olofsson,Stehman,stratifiziert</translation>
        </message>
        <message>
            <source>Holds a class map of any program against reference samples: confusion matrix, overall and average accuracy, kappa, user's and producer's accuracy and F1 of every class, with 95 % intervals; and, from random samples, accuracies and areas corrected for the errors of the map, with standard errors (Olofsson et al. 2014, Stehman 2014). Report, JSON and CSV. It needs no torch.</source>
            <translation>Vergleicht eine Klassenkarte, gleich aus welchem Programm, mit Referenzdaten: Konfusionsmatrix, Gesamtgenauigkeit und mittlere Genauigkeit, Kappa, Nutzer- und Produzentengenauigkeit und F1 jeder Klasse, mit 95-%-Intervallen; dazu, aus zufällig gezogenen Proben, Genauigkeiten und Flächen, die um die Fehler der Karte berichtigt sind, mit Standardfehlern (Olofsson u. a. 2014, Stehman 2014). Bericht, JSON und CSV. Kommt ohne torch aus.</translation>
        </message>
        <message>
            <source>One band of class ids, whole numbers; of this plugin or any other program.</source>
            <translation>Ein Kanal mit Klassen-IDs, ganzen Zahlen; von dieser Erweiterung oder einem anderen Programm.</translation>
        </message>
        <message>
            <source>Reference layer</source>
            <translation>Referenzlayer</translation>
        </message>
        <message>
            <source>Points or polygons with their true class, in any CRS, that had no part in making the map. A polygon takes the pixels whose centre it covers.</source>
            <translation>Punkte oder Polygone mit ihrer wahren Klasse, in beliebigem KBS, die an der Entstehung der Karte keinen Anteil hatten. Zu einem Polygon gehören die Pixel, deren Mittelpunkt es bedeckt.</translation>
        </message>
        <message>
            <source>Class field</source>
            <translation>Klassenfeld</translation>
        </message>
        <message>
            <source>Ids of the map's classes, or their names as in its legend, attribute table or category names; capitals do not matter.</source>
            <translation>IDs der Klassen der Karte oder ihre Namen wie in Legende, Attributtabelle oder Kategorienamen der Karte; Groß- und Kleinschreibung sind gleich.</translation>
        </message>
        <message>
            <source>How samples were drawn</source>
            <translation>Wie die Proben gezogen wurden</translation>
        </message>
        <message>
            <source>stratified: at random in each class of the map, or in each stratum of STRATA. random: at random, or on a grid, over the whole map. unknown: neither, or not known; the report then says that its figures speak for the samples only.</source>
            <translation>stratified: zufällig in jeder Klasse der Karte oder in jedem Stratum von STRATA. random: zufällig oder in einem Gitter über die ganze Karte. unknown: keines von beiden oder nicht bekannt; der Bericht sagt dann, dass seine Zahlen nur für die Proben sprechen.</translation>
        </message>
        <message>
            <source>Strata</source>
            <translation>Straten</translation>
        </message>
        <message>
            <source>A raster of whole numbers with the map's pixels, where samples were drawn by strata other than the map's classes, such as those of an earlier map. It says the stratum of each sample and how large each stratum is.</source>
            <translation>Ein Raster ganzer Zahlen mit den Pixeln der Karte, falls die Proben nach anderen Straten als den Klassen der Karte gezogen wurden, etwa nach denen einer früheren Karte. Er sagt, zu welchem Stratum jede Probe gehört und wie groß jedes Stratum ist.</translation>
        </message>
        <message>
            <source>All figures and what they rest on, for people; one file that needs no network.</source>
            <translation>Alle Zahlen und worauf sie beruhen, zum Lesen; eine Datei, die kein Netz braucht.</translation>
        </message>
        <message>
            <source>Figures as JSON</source>
            <translation>Zahlen als JSON</translation>
        </message>
        <message>
            <source>JSON files (*.json)</source>
            <translation>JSON-Dateien (*.json)</translation>
        </message>
        <message>
            <source>Figures as CSV</source>
            <translation>Zahlen als CSV</translation>
        </message>
        <message>
            <source>CSV files (*.csv)</source>
            <translation>CSV-Dateien (*.csv)</translation>
        </message>
        <message>
            <source>The content of the report, for programs.</source>
            <translation>Der Inhalt des Berichts, für Programme.</translation>
        </message>
        <message>
            <source>Overall figures, one row a class, and the matrix, for spreadsheets.</source>
            <translation>Gesamtzahlen, eine Zeile je Klasse und die Matrix, für Tabellenprogramme.</translation>
        </message>
        <message>
            <source>Overall accuracy (%)</source>
            <translation>Gesamtgenauigkeit (%)</translation>
        </message>
        <message>
            <source>Average accuracy (%)</source>
            <translation>Mittlere Genauigkeit (%)</translation>
        </message>
        <message>
            <source>Kappa (%)</source>
            <translation>Kappa (%)</translation>
        </message>
        <message>
            <source>Overall accuracy by area (%)</source>
            <translation>Gesamtgenauigkeit nach Fläche (%)</translation>
        </message>
        <message>
            <source>Reference pixels</source>
            <translation>Referenzpixel</translation>
        </message>
        <message>
            <source>Map a scene</source>
            <translation>Szene kartieren</translation>
        </message>
        <message>
            <source>Class table</source>
            <translation>Klassentabelle</translation>
        </message>
        <message>
            <source>A table, such as a CSV file, with a row for each class that is to be changed. Columns: value (of the class field), name, colour, merged_into (the value of another class, or of a new one with a row of its own) and left_out (yes: its samples are not used). Classes without a row stay as they are.</source>
            <translation>Eine Tabelle, etwa eine CSV-Datei, mit einer Zeile für jede Klasse, die geändert werden soll. Spalten: value (Wert des Klassenfelds), name, colour (Farbe), merged_into (Wert einer anderen Klasse oder einer neuen mit eigener Zeile, in die sie aufgeht) und left_out (yes: ihre Stichproben werden nicht verwendet). Klassen ohne Zeile bleiben, wie sie sind.</translation>
        </message>
        <message>
            <source>Class weights</source>
            <translation>Klassengewichte</translation>
        </message>
        <message>
            <source>How probable the classes are before a pixel is seen. classifier: as the classifier has it. even: all alike. samples: by their shares of the training samples. area: by the column 'area' of CLASS_TABLE, in any unit. The probabilities are corrected by Bayes' rule; nothing else changes.</source>
            <translation>Wie wahrscheinlich die Klassen sind, bevor ein Pixel angesehen wird. classifier: wie beim Klassifikator. even: alle gleich. samples: nach ihren Anteilen an den Trainingsstichproben. area: nach der Spalte 'area' von CLASS_TABLE, in beliebiger Einheit. Die Wahrscheinlichkeiten werden nach dem Satz von Bayes umgerechnet; sonst ändert sich nichts.</translation>
        </message>
        <message>
            <source>Smallest patch</source>
            <translation>Kleinste Fläche</translation>
        </message>
        <message>
            <source>The minimum mapping unit: patches that are smaller get, as a whole, the most probable class of the patches that they touch. Pixels belong to one patch where their sides meet. Accuracy and areas are those of the map after this. 0: every patch stays.</source>
            <translation>Die Mindestkartierfläche: Kleinere Flecken erhalten als Ganzes die wahrscheinlichste Klasse der Flecken, die sie berühren. Pixel gehören zu einem Fleck, wo ihre Seiten aneinanderstoßen. Genauigkeit und Flächen sind die der Karte danach. 0: Jeder Fleck bleibt.</translation>
        </message>
        <message>
            <source>Unit of the smallest patch</source>
            <translation>Einheit der kleinsten Fläche</translation>
        </message>
        <message>
            <source>pixels, or m2: square metres, for a raster whose coordinate system has a unit of length.</source>
            <translation>pixels: Pixel, oder m2: Quadratmeter, für ein Raster, dessen Koordinatensystem eine Längeneinheit hat.</translation>
        </message>
        <message>
            <source>Least confidence</source>
            <translation>Kleinste Konfidenz</translation>
        </message>
        <message>
            <source>Pixels whose class is less probable than this are 'not sure', a row of the legend of their own (id 255 where it is free). The report gives accuracy and areas with and without them. 0: every pixel has a class.</source>
            <translation>Pixel, deren Klasse weniger wahrscheinlich ist, gelten als unsicher ('not sure') und haben eine eigene Zeile der Legende (id 255, wo sie frei ist). Der Bericht gibt Genauigkeit und Flächen mit ihnen und ohne sie an. 0: Jedes Pixel hat eine Klasse.</translation>
        </message>
        <message>
            <source>Sample weights</source>
            <translation>Gewichte der Trainingsdaten</translation>
        </message>
        <message>
            <source>A field of numbers: how much the samples of each feature count where the classes are learnt, for example by how sure you are of them. Twice the weight counts like two samples. 0: the feature is left out. Every classifier takes weights; in the accuracy all held-out samples count alike.</source>
            <translation>Ein Feld mit Zahlen: wie viel die Pixel jedes Objekts beim Lernen der Klassen zählen, zum Beispiel danach, wie sicher sie sind. Das doppelte Gewicht zählt wie zwei Trainingspixel. 0: Das Objekt wird weggelassen. Jedes Verfahren berücksichtigt Gewichte; in der Genauigkeit zählen alle zurückgehaltenen Pixel gleich.</translation>
        </message>
        <message>
            <source>Field of class areas</source>
            <translation>Feld mit den Klassenflächen</translation>
        </message>
        <message>
            <source>For the class weights 'area', in place of a class table: a field of numbers with the area of the feature's class, in any unit, the same for all features of a class.</source>
            <translation>Für die Klassengewichte 'area', anstelle einer Klassentabelle: ein Feld mit Zahlen, mit der Fläche der Klasse des Objekts in beliebiger Einheit, gleich für alle Objekte einer Klasse.</translation>
        </message>
        <message>
            <source>Segments (mean pixels)</source>
            <translation>Segmente (mittlere Pixelzahl)</translation>
        </message>
        <message>
            <source>Pixels are classified in groups: segments of neighbouring pixels with similar spectra, of so many pixels on average. Each has one class, that of the mean of its pixels' probabilities. 0: as in the run that the classifier was learnt in, where SUPERTOKENS was set; where its samples allowed no size, segments are not used, and the log says so. Not set: each pixel is classified by itself.</source>
            <translation>Pixel werden in Gruppen klassifiziert: Segmente benachbarter Pixel mit ähnlichen Spektren, von im Mittel so vielen Pixeln. Jedes hat eine Klasse, die des Mittels der Wahrscheinlichkeiten seiner Pixel. 0: wie in dem Lauf, in dem der Klassifikator gelernt wurde, wenn dort SUPERTOKENS gesetzt war. Ließen dessen Proben keine Größe zu, werden Segmente nicht verwendet, und das Protokoll sagt es. Nicht gesetzt: jedes Pixel wird für sich klassifiziert.</translation>
        </message>
        <message>
            <source>Pixels are classified in groups: segments of neighbouring pixels with similar spectra, of so many pixels on average. Each has one class, that of the mean of its pixels' probabilities. 0: the largest size at which at most 2 % of the training samples lie in segments of mostly another class; where there is none, segments are not used, and the log says so. Not set: each pixel is classified by itself.</source>
            <translation>Pixel werden in Gruppen klassifiziert: Segmente benachbarter Pixel mit ähnlichen Spektren, von im Mittel so vielen Pixeln. Jedes hat eine Klasse, die des Mittels der Wahrscheinlichkeiten seiner Pixel. 0: die größte Größe, bei der höchstens 2 % der Trainingsproben in Segmenten mit überwiegend einer anderen Klasse liegen; gibt es keine, werden Segmente nicht verwendet, und das Protokoll sagt es. Nicht gesetzt: jedes Pixel wird für sich klassifiziert.</translation>
        </message>
        <message>
            <source>Segments</source>
            <translation>Segmente</translation>
        </message>
        <message>
            <source>The number of each pixel's segment, from 1; 0 where there is no data. Needs SUPERTOKENS.</source>
            <translation>Die Nummer des Segments jedes Pixels, ab 1; 0, wo es keine Daten gibt. Braucht SUPERTOKENS.</translation>
        </message>
        <message>
            <source>Segment polygons</source>
            <translation>Segmentpolygone</translation>
        </message>
        <message>
            <source>A polygon of each segment, the least certain first, in the colours of the map. Fields: id, class, class_id, confidence, runner_up, runner_up_share, pixels, and purity, the share of its pixels that have the same class by themselves. Corrected, the layer serves as TRAINING with the class field class_id. Needs SUPERTOKENS.</source>
            <translation>Ein Polygon je Segment, das unsicherste zuerst, in den Farben der Karte. Felder: id, class, class_id, confidence, runner_up, runner_up_share, pixels und purity, der Anteil seiner Pixel, die für sich dieselbe Klasse haben. Berichtigt dient der Layer als TRAINING mit dem Klassenfeld class_id. Braucht SUPERTOKENS.</translation>
        </message>
        <message>
            <source>Maps of {scene}</source>
            <translation>Karten von {scene}</translation>
        </message>
        <message>
            <source>Training layer</source>
            <translation>Trainingslayer</translation>
        </message>
        <message>
            <source>Points or polygons with a known class, in any CRS. A polygon takes the pixels whose centre it covers. Class names and colours come from the layer's categories where it has them.</source>
            <translation>Punkte oder Polygone bekannter Klasse, in beliebigem KBS. Zu einem Polygon gehören die Pixel, deren Mittelpunkt es bedeckt. Namen und Farben der Klassen kommen von den Kategorien des Layers, wo er welche hat.</translation>
        </message>
        <message>
            <source>Whole numbers from 1 to 65535 become the ids of the map; anything else is numbered in the order of its values.</source>
            <translation>Ganze Zahlen von 1 bis 65535 werden zu den IDs der Karte; alles andere wird in der Reihenfolge der Werte nummeriert.</translation>
        </message>
        <message>
            <source>Validation layer</source>
            <translation>Validierungslayer</translation>
        </message>
        <message>
            <source>Independent reference samples with the same class field. They are used to judge the map, never to learn. Given, nothing else is held out.</source>
            <translation>Unabhängige Referenzdaten mit demselben Klassenfeld. Mit ihnen wird die Karte beurteilt, nie gelernt. Sind sie angegeben, wird sonst nichts zurückgehalten.</translation>
        </message>
        <message>
            <source>Split (what the map is for)</source>
            <translation>Aufteilung (wofür die Karte gut sein soll)</translation>
        </message>
        <message>
            <source>What the map shall be good at. It decides how the classifier 'auto' cross-validates its models, and how a part of the samples is held out to judge the map where there is no validation layer. spatial: places that have no samples; whole polygons, or blocks of points, are held out. block: the same, always by blocks of the grid. random: more pixels of the fields that have samples; single pixels are held out, as papers do, and the figure is too optimistic for other places. none: all samples are used, and there is no accuracy.</source>
            <translation>Wofür die Karte gut sein soll. Das entscheidet, wie der Klassifikator „auto“ seine Modelle kreuzvalidiert und wie ein Teil der Trainingsdaten zurückgehalten wird, um die Karte zu beurteilen, wenn es keinen Validierungslayer gibt. spatial: Orte ohne Trainingsdaten; ganze Polygone oder Blöcke von Punkten werden zurückgehalten. block: ebenso, immer nach Blöcken des Gitters. random: weitere Pixel der Felder, die Trainingsdaten haben; einzelne Pixel werden zurückgehalten, wie in Veröffentlichungen üblich, und die Zahl ist für andere Orte zu günstig. none: Alle Trainingsdaten werden benutzt, und es gibt keine Genauigkeit.</translation>
        </message>
        <message>
            <source>scene: whole scenes are held out, where there are further feature rasters.</source>
            <translation>scene: ganze Szenen werden zurückgehalten, wo es weitere Merkmalsraster gibt.</translation>
        </message>
        <message>
            <source>Share held out</source>
            <translation>Zurückgehaltener Anteil</translation>
        </message>
        <message>
            <source>Share of the samples of every class that is held out.</source>
            <translation>Anteil der Trainingsdaten jeder Klasse, der zurückgehalten wird.</translation>
        </message>
        <message>
            <source>auto: linear discriminant analysis and kernel ridge regression on spectra and on means of diffusion features, cross-validated on the training samples as the split says. Their probabilities are averaged; up to a minute. mtmsd: the published method, an ensemble of networks that weigh the timesteps for every pixel; minutes. transformer3d: 3-D convolution and transformer on patches of the features; minutes. linear: logistic regression, as a yardstick. hyperfeatures: the same, with a weight for every timestep and stage, which the report shows; seconds.</source>
            <translation>auto: lineare Diskriminanzanalyse und Kernel-Ridge-Regression auf Spektren und auf Mittelwerten von Diffusionsmerkmalen, auf den Trainingsdaten so kreuzvalidiert, wie die Aufteilung es sagt. Ihre Wahrscheinlichkeiten werden gemittelt; bis zu einer Minute. mtmsd: das veröffentlichte Verfahren, ein Ensemble von Netzen, die für jedes Pixel die Zeitschritte gewichten; Minuten. transformer3d: 3D-Faltung und Transformer auf Ausschnitten der Merkmale; Minuten. linear: logistische Regression, als Maßstab. hyperfeatures: dasselbe mit einem Gewicht für jeden Zeitschritt und jede Stufe, das der Bericht zeigt; Sekunden.</translation>
        </message>
        <message>
            <source>Buffer (pixels)</source>
            <translation>Puffer (Pixel)</translation>
        </message>
        <message>
            <source>Networks in the ensemble</source>
            <translation>Netze im Ensemble</translation>
        </message>
        <message>
            <source>Networks whose probabilities are averaged. Not set: 5 for mtmsd, 2 for transformer3d.</source>
            <translation>Netze, deren Wahrscheinlichkeiten gemittelt werden. Nicht gesetzt: 5 für mtmsd, 2 für transformer3d.</translation>
        </message>
        <message>
            <source>Epochs</source>
            <translation>Epochen</translation>
        </message>
        <message>
            <source>Passes over the training samples. Not set: 100 for mtmsd, 40 for transformer3d.</source>
            <translation>Durchgänge durch die Trainingsdaten. Nicht gesetzt: 100 für mtmsd, 40 für transformer3d.</translation>
        </message>
        <message>
            <source>Block size (pixels)</source>
            <translation>Blockgröße (Pixel)</translation>
        </message>
        <message>
            <source>Side of the blocks that 'block', and 'spatial' where samples are points, keep together.</source>
            <translation>Seite der Blöcke, die „block“ und, wo die Trainingsdaten Punkte sind, „spatial“ beisammen lassen.</translation>
        </message>
        <message>
            <source>Training samples within this distance of a held-out sample are left out. 0: none is.</source>
            <translation>Trainingsdaten in diesem Abstand von zurückgehaltenen werden ausgelassen. 0: keine.</translation>
        </message>
        <message>
            <source>MTMSD classifier (*.mtmsdc)</source>
            <translation>MTMSD-Klassifikator (*.mtmsdc)</translation>
        </message>
        <message>
            <source>What was learnt, for other scenes with the same bands: 'Apply classifier' maps them with it.</source>
            <translation>Was gelernt wurde, für andere Szenen mit denselben Kanälen: „Klassifikator anwenden“ kartiert sie damit.</translation>
        </message>
        <message>
            <source>Classifier includes the diffusion model</source>
            <translation>Klassifikator enthält das Diffusionsmodell</translation>
        </message>
        <message>
            <source>The classifier's file is then enough to map another scene; it is larger by the model, 7 MB for the preset quick. Not: the model's own file is needed too.</source>
            <translation>Die Datei des Klassifikators reicht dann, um eine andere Szene zu kartieren; sie ist um das Modell größer, 7 MB bei der Voreinstellung quick. Sonst wird auch die Datei des Modells gebraucht.</translation>
        </message>
        <message>
            <source>Uncertainty</source>
            <translation>Unsicherheit</translation>
        </message>
        <message>
            <source>How unsure the class is, in bands from 0 to 1. entropy: 0 where one class is certain, 1 where all are equally probable. margin: probability of the class less that of the runner-up, near 0 where two classes compete. disagreement, where the classifier 'auto' has both: how far discriminants and kernel ridge regressions differ. -1 where there is no data.</source>
            <translation>Wie unsicher die Klasse ist, in Bändern von 0 bis 1. entropy (Entropie): 0, wo eine Klasse sicher ist, 1, wo alle gleich wahrscheinlich sind. margin (Abstand): Wahrscheinlichkeit der Klasse minus die der zweitwahrscheinlichsten, nahe 0, wo zwei Klassen konkurrieren. disagreement (Uneinigkeit), wo der Klassifikator 'auto' beides hat: wie weit Diskriminanzanalysen und Kernel-Ridge-Regressionen auseinander liegen. -1, wo keine Daten sind.</translation>
        </message>
        <message>
            <source>Accuracy with intervals, confusion matrix, calibration, areas, what the map depends on, what was held out and how. The same as JSON and CSV goes beside it, under the same name.</source>
            <translation>Genauigkeit mit Intervallen, Konfusionsmatrix, Kalibrierung, Flächen, wovon die Karte abhängt, was zurückgehalten wurde und wie. Daneben liegt dasselbe als JSON und CSV, unter gleichem Namen.</translation>
        </message>
        <message>
            <source>Points to explain</source>
            <translation>Zu erklärende Punkte</translation>
        </message>
        <message>
            <source>Points whose classes the report explains: which training polygons speak for the class there and which against it, and what each model says. Up to 100 points; needs a report, the classifier auto, one raster and no extra rasters.</source>
            <translation>Punkte, deren Klassen der Bericht erklärt: welche Trainingspolygone dort für die Klasse sprechen und welche dagegen, und was jedes Modell sagt. Bis zu 100 Punkte; braucht einen Bericht, den Klassifikator auto, einen Raster und keine Zusatzraster.</translation>
        </message>
        <message>
            <source>Timesteps</source>
            <translation>Zeitschritte</translation>
        </message>
        <message>
            <source>Noise levels from 0 (least) to 999, for example 50,100,150. Not set: 50 to 950 in steps of 50. auto: as few of these as stand for all, by how alike their features are; no label is looked at.</source>
            <translation>Rauschstärken von 0 (am wenigsten) bis 999, zum Beispiel 50,100,150. Nicht gesetzt: 50 bis 950 in Schritten von 50. auto: so wenige davon, wie für alle stehen können, danach, wie ähnlich ihre Merkmale sind; Trainingsdaten werden dafür nicht angesehen.</translation>
        </message>
        <message>
            <source>Stages</source>
            <translation>Stufen</translation>
        </message>
        <message>
            <source>Layers of the network's decoder from 0 (coarse) to 8 (fine). Not set: 0,1,2,3,5.</source>
            <translation>Schichten des Decoders von 0 (grob) bis 8 (fein). Nicht gesetzt: 0,1,2,3,5.</translation>
        </message>
        <message>
            <source>Features kept per timestep</source>
            <translation>Merkmale je Zeitschritt</translation>
        </message>
        <message>
            <source>0 keeps all. Not set: by the preset of the model.</source>
            <translation>0 behält alle. Nicht gesetzt: nach der Voreinstellung des Modells.</translation>
        </message>
        <message>
            <source>Work of an interrupted run</source>
            <translation>Arbeit eines unterbrochenen Laufs</translation>
        </message>
        <message>
            <source>Folder that a cancelled or killed run left beside its output, and named in its log. The run goes on from there to the same result; raster, samples, model and settings must be the same. A run to the same output finds the folder by itself.</source>
            <translation>Ordner, den ein abgebrochener Lauf neben seiner Ausgabe hinterlassen und im Protokoll genannt hat. Der Lauf geht von dort zum gleichen Ergebnis weiter; Raster, Trainingsdaten, Modell und Einstellungen müssen die gleichen sein. Ein Lauf zur gleichen Ausgabe findet den Ordner von selbst.</translation>
        </message>
        <message>
            <source>Parameters</source>
            <translation>Parameter</translation>
        </message>
        <message>
            <source>Results</source>
            <translation>Ergebnisse</translation>
        </message>
        <message>
            <source>Advanced parameters</source>
            <translation>Weitere Parameter</translation>
        </message>
        <message>
            <source>The scene the model was trained on, or another one with the same bands. Bands are matched by wavelength, else by name, else by order.</source>
            <translation>Die Szene, mit der das Modell trainiert wurde, oder eine andere mit den gleichen Kanälen. Kanäle werden nach Wellenlänge zugeordnet, sonst nach Namen, sonst nach Reihenfolge.</translation>
        </message>
        <message>
            <source>The file written by 'Pretrain diffusion model'.</source>
            <translation>Die Datei, die „Diffusionsmodell vortrainieren“ geschrieben hat.</translation>
        </message>
        <message>
            <source>Field of the training layer that names the class: numbers or text.</source>
            <translation>Feld des Trainingslayers, das die Klasse nennt: Zahlen oder Text.</translation>
        </message>
        <message>
            <source>The same seed, inputs and device give the same result.</source>
            <translation>Gleicher Startwert, gleiche Eingaben und gleiches Gerät ergeben das gleiche Ergebnis.</translation>
        </message>
        <message>
            <source>Random seed</source>
            <translation>Startwert des Zufalls</translation>
        </message>
        <message>
            <source>Device</source>
            <translation>Gerät</translation>
        </message>
        <message>
            <source>auto takes a graphics card where torch can use one, else the processor, and the log says why. cpu is the processor, cuda the first graphics card, cuda:1 the second and so on; with these there is no falling back. 'Check environment' lists the cards.</source>
            <translation>auto nimmt eine Grafikkarte, wo torch eine nutzen kann, sonst den Prozessor; das Protokoll sagt, warum. cpu ist der Prozessor, cuda die erste Grafikkarte, cuda:1 die zweite und so weiter; bei diesen wird nicht ausgewichen. „Umgebung prüfen“ führt die Karten auf.</translation>
        </message>
        <message>
            <source>Overlapping polygons of different classes</source>
            <translation>Überlappende Polygone verschiedener Klassen</translation>
        </message>
        <message>
            <source>A pixel can have one class only. refuse: the run stops and names the polygons. later: the feature that was added later wins. drop: pixels of several classes are left out.</source>
            <translation>Ein Pixel kann nur eine Klasse haben. refuse: Der Lauf bricht ab und nennt die Polygone. later: Das später hinzugefügte Objekt gilt. drop: Pixel mit mehreren Klassen werden ausgelassen.</translation>
        </message>
        <message>
            <source>Seconds in the worker</source>
            <translation>Rechenzeit (s)</translation>
        </message>
        <message>
            <source>Device used</source>
            <translation>Benutztes Gerät</translation>
        </message>
        <message>
            <source>Bands</source>
            <translation>Kanäle</translation>
        </message>
        <message>
            <source>Bands to use. Without a choice all are used, except transparency, those that the metadata marks as bad and those that are empty or constant; the log names them.</source>
            <translation>Die zu verwendenden Kanäle. Ohne Auswahl alle außer Transparenz, denen, die in den Metadaten als unbrauchbar gelten, und leeren oder konstanten; das Protokoll nennt sie.</translation>
        </message>
        <message>
            <source>Pixels to leave out</source>
            <translation>Auszulassende Pixel</translation>
        </message>
        <message>
            <source>Raster: every value other than 0 and nodata is left out. Vector: what it covers is left out. Any CRS and resolution.</source>
            <translation>Raster: Jeder Wert außer 0 und NoData wird ausgelassen. Vektor: Was er bedeckt, wird ausgelassen. KBS und Auflösung sind beliebig.</translation>
        </message>
        <message>
            <source>Preset</source>
            <translation>Voreinstellung</translation>
        </message>
        <message>
            <source>quick: minutes on a processor with two cores. standard: a laptop's graphics card, under half an hour. paper: the published network and schedule, for a large graphics card.</source>
            <translation>quick: Minuten auf einem Prozessor mit zwei Kernen. standard: Grafikkarte eines Laptops, unter einer halben Stunde. paper: Netz und Ablauf der Veröffentlichung, für eine große Grafikkarte.</translation>
        </message>
        <message>
            <source>Principal components</source>
            <translation>Hauptkomponenten</translation>
        </message>
        <message>
            <source>Of the bands, at most; the network sees these instead of the bands. Not set: by preset.</source>
            <translation>Der Kanäle, höchstens; das Netz sieht sie anstelle der Kanäle. Nicht gesetzt: nach Voreinstellung.</translation>
        </message>
        <message>
            <source>Iterations</source>
            <translation>Iterationen</translation>
        </message>
        <message>
            <source>Steps of the training; the time grows in proportion. Not set: by preset.</source>
            <translation>Schritte des Trainings; die Zeit wächst im gleichen Verhältnis. Nicht gesetzt: nach Voreinstellung.</translation>
        </message>
        <message>
            <source>Batch size</source>
            <translation>Batchgröße</translation>
        </message>
        <message>
            <source>Patches a step; less takes less memory. Not set: by preset.</source>
            <translation>Ausschnitte je Schritt; weniger brauchen weniger Speicher. Nicht gesetzt: nach Voreinstellung.</translation>
        </message>
        <message>
            <source>Patch size (pixels)</source>
            <translation>Ausschnittgröße (Pixel)</translation>
        </message>
        <message>
            <source>Side of a training patch, a multiple of 4 from 16 on. Not set: by preset.</source>
            <translation>Seite eines Trainingsausschnitts, ein Vielfaches von 4 ab 16. Nicht gesetzt: nach Voreinstellung.</translation>
        </message>
        <message>
            <source>Base width</source>
            <translation>Grundbreite</translation>
        </message>
        <message>
            <source>Size of the network: 32, 64 or 128. Not set: by preset.</source>
            <translation>Größe des Netzes: 32, 64 oder 128. Nicht gesetzt: nach Voreinstellung.</translation>
        </message>
        <message>
            <source>Learning rate</source>
            <translation>Lernrate</translation>
        </message>
        <message>
            <source>The largest step of the optimiser; it rises to this at the start, and with standard falls from then on. Not set: by preset.</source>
            <translation>Größte Schrittweite der Optimierung; sie steigt zu Beginn bis dahin und fällt danach mit standard. Nicht gesetzt: nach Voreinstellung.</translation>
        </message>
        <message>
            <source>Largest timestep trained</source>
            <translation>Größter trainierter Zeitschritt</translation>
        </message>
        <message>
            <source>Noise is drawn up to this level, 1 to 999. Smaller: all steps of the training go to levels whose features are used; those of larger timesteps are refused from then on. Not set: 999.</source>
            <translation>Bis zu dieser Stärke wird Rauschen gezogen, 1 bis 999. Kleiner: alle Schritte des Trainings gelten Stärken, deren Merkmale gebraucht werden; die Merkmale größerer Zeitschritte werden danach abgelehnt. Nicht gesetzt: 999.</translation>
        </message>
        <message>
            <source>Band scaling</source>
            <translation>Skalierung der Kanäle</translation>
        </message>
        <message>
            <source>standard divides each band by its deviation first, for rasters whose bands have different units.</source>
            <translation>standard teilt jeden Kanal vorher durch seine Standardabweichung, für Raster mit Kanälen verschiedener Einheiten.</translation>
        </message>
        <message>
            <source>Extra rasters</source>
            <translation>Zusätzliche Raster</translation>
        </message>
        <message>
            <source>Only for a classifier that was learnt with extra rasters: the same kinds of rasters of this scene, in the same order. 'Describe a file' lists them.</source>
            <translation>Nur für einen Klassifikator, der mit zusätzlichen Rastern gelernt wurde: Raster derselben Art von dieser Szene, in derselben Reihenfolge. 'Datei beschreiben' zählt sie auf.</translation>
        </message>
        <message>
            <source>What else is known of the scene: a surface model, radar, indices, another season, a map of soils. Any CRS, grid, unit and number type, with holes. For the classifier auto. A pixel without an extra is mapped without it.</source>
            <translation>Was man sonst von der Szene weiß: ein Oberflächenmodell, Radar, Indizes, eine andere Jahreszeit, eine Bodenkarte. Jedes KBS, Gitter, jede Einheit und jeder Zahlentyp, auch mit Lücken. Für den Klassifikator auto. Ein Pixel ohne zusätzliche Werte wird ohne sie kartiert.</translation>
        </message>
        <message>
            <source>Use of extra rasters</source>
            <translation>Verwendung zusätzlicher Raster</translation>
        </message>
        <message>
            <source>auto: an extra raster is used where held-out samples are classified better with it, and better than with copies of it shifted over the scene; else it is left out, and the report says why. always: it is used without asking.</source>
            <translation>auto: Ein zusätzliches Raster wird verwendet, wenn zurückgehaltene Stichproben mit ihm besser klassifiziert werden, und besser als mit Kopien, die über die Szene verschoben sind; sonst bleibt es weg, und der Bericht sagt, warum. always: Es wird ungefragt verwendet.</translation>
        </message>
        <message>
            <source>Texture of the scene as an extra</source>
            <translation>Textur der Szene als zusätzliches Raster</translation>
        </message>
        <message>
            <source>How much the scene's leading components vary around each pixel, in boxes of 3, 7 and 15 pixels. Used by the same rule as an extra raster.</source>
            <translation>Wie stark die ersten Hauptkomponenten der Szene um jedes Pixel schwanken, in Fenstern von 3, 7 und 15 Pixeln. Verwendet nach derselben Regel wie ein zusätzliches Raster.</translation>
        </message>
        <message>
            <source>What else is to part the scene: a surface model, radar, indices, another season, a map of soils. Any CRS, grid, unit and number type, with holes. All are used that have data and are not the same everywhere, as no samples say what helps. A pixel without an extra has a cluster too, by its spectrum.</source>
            <translation>Was die Szene noch unterteilen soll: ein Oberflächenmodell, Radar, Indizes, eine andere Jahreszeit, eine Bodenkarte. Jedes KBS, Gitter, jede Einheit und jeder Zahlentyp, auch mit Lücken. Verwendet werden alle, die Daten haben und nicht überall gleich sind, denn es gibt keine Stichproben, die sagen, was hilft. Auch ein Pixel ohne zusätzliche Werte bekommt einen Cluster, nach seinem Spektrum.</translation>
        </message>
        <message>
            <source>Further rasters</source>
            <translation>Weitere Raster</translation>
        </message>
        <message>
            <source>More scenes of the same sensor to learn from, of any size and CRS: other dates, other tiles. Their bands are matched with those of the raster by wavelength, else by name, else by order. Each scene has a share of the training by its valid pixels. 'Pixels to leave out' counts in all of them.</source>
            <translation>Weitere Szenen desselben Sensors, von denen gelernt wird, in jeder Größe und jedem KBS: andere Termine, andere Kacheln. Ihre Kanäle werden denen des Rasters nach Wellenlänge zugeordnet, sonst nach Namen, sonst nach Reihenfolge. Jede Szene hat nach ihren gültigen Pixeln Anteil am Training. 'Auszulassende Pixel' gilt in allen.</translation>
        </message>
        <message>
            <source>Further feature rasters</source>
            <translation>Weitere Merkmalsraster</translation>
        </message>
        <message>
            <source>More scenes to learn from, with the same features of the same diffusion model, in any CRS. Each feature of the training layer is looked up in the first raster that covers it. The map is that of the feature raster above.</source>
            <translation>Weitere Szenen zum Lernen, mit denselben Merkmalen desselben Diffusionsmodells, in jedem KBS. Jedes Objekt des Trainingslayers wird im ersten Raster nachgeschlagen, das es abdeckt. Die Karte ist die des Merkmalsrasters oben.</translation>
        </message>
        <message>
            <source>Creation options</source>
            <translation>Erzeugungsoptionen</translation>
        </message>
        <message>
            <source>How the rasters are stored, in GDAL's words for GeoTIFF: NAME=VALUE, with | between several, such as COMPRESS=ZSTD|ZSTD_LEVEL=15. Not set: maps are compressed and tiled, scenes and features lie plain, band by band. Options that would change values are refused.</source>
            <translation>Wie die Raster gespeichert werden, in GDALs Worten für GeoTIFF: NAME=WERT, mit | zwischen mehreren, etwa COMPRESS=ZSTD|ZSTD_LEVEL=15. Nicht gesetzt: Karten sind komprimiert und gekachelt, Szenen und Merkmale liegen unkomprimiert, Kanal für Kanal. Optionen, die Werte ändern würden, werden abgelehnt.</translation>
        </message>
        <message>
            <source>Suggested samples</source>
            <translation>Vorgeschlagene Stichproben</translation>
        </message>
        <message>
            <source>Points to label next, the most useful first: pixels of which the map is least sure, each typical of many such pixels, spread over the scene. Fields: rank, class (empty, to fill), map_class, runner_up, confidence, why.</source>
            <translation>Punkte, die als nächste zu bestimmen sind, die nützlichsten zuerst: Pixel, bei denen die Karte am unsichersten ist, jeder typisch für viele solche Pixel, über die Szene verteilt. Felder: rank (Rang), class (Klasse; leer, zum Ausfüllen), map_class (Klasse der Karte), runner_up (zweitwahrscheinlichste Klasse), confidence (Konfidenz), why (Grund).</translation>
        </message>
        <message>
            <source>Number of suggested samples</source>
            <translation>Anzahl der vorgeschlagenen Stichproben</translation>
        </message>
        <message>
            <source>How many points SUGGESTIONS has.</source>
            <translation>Wie viele Punkte SUGGESTIONS hat.</translation>
        </message>
        <message>
            <source>Roads and paths</source>
            <translation>Straßen und Wege</translation>
        </message>
        <message>
            <source>Lines from which the suggested samples can be reached. Not set: they may lie anywhere.</source>
            <translation>Linien, von denen aus die vorgeschlagenen Stichproben erreichbar sind. Nicht gesetzt: Sie dürfen überall liegen.</translation>
        </message>
        <message>
            <source>Distance from roads and paths (m)</source>
            <translation>Abstand von Straßen und Wegen (m)</translation>
        </message>
        <message>
            <source>Suggested samples lie at most so far from the lines of REACHABLE.</source>
            <translation>Vorgeschlagene Stichproben</translation>
        </message>
        <message>
            <source>Many scenes (campaigns)</source>
            <translation>Viele Szenen (Kampagnen)</translation>
        </message>
        <message>
            <source>Campaign folder</source>
            <translation>Kampagnenordner</translation>
        </message>
        <message>
            <source>The folder that 'Prepare campaign' has written.</source>
            <translation>Der Ordner, den „Kampagne vorbereiten“ geschrieben hat.</translation>
        </message>
        <message>
            <source>3 Collect campaign</source>
            <translation>3 Kampagne einsammeln</translation>
        </message>
        <message>
            <source>cluster,tiles,mosaic,virtual raster,vrt,many scenes,report,accuracy</source>
            <translation>Cluster,Kacheln,Mosaik,virtuelles Raster,VRT,viele Szenen,Bericht,Genauigkeit</translation>
        </message>
        <message>
            <source>Makes GeoTIFFs of the maps of a finished campaign, a virtual mosaic that shows them as one map with the classes' names and colours, and one report over all scenes: accuracy at the held-out samples, areas, and each scene's share. The campaign folder is not changed.</source>
            <translation>Macht aus den Karten einer fertigen Kampagne GeoTIFFs, ein virtuelles Mosaik, das sie als eine Karte mit Namen und Farben der Klassen zeigt, und einen Bericht über alle Szenen: Genauigkeit an den zurückgehaltenen Proben, Flächen und der Anteil jeder Szene. Der Kampagnenordner bleibt, wie er ist.</translation>
        </message>
        <message>
            <source>Write the confidence too</source>
            <translation>Auch die Konfidenz schreiben</translation>
        </message>
        <message>
            <source>For each scene a raster of the probability of the class on the map, 0 to 1.</source>
            <translation>Für jede Szene ein Raster mit der Wahrscheinlichkeit der Klasse auf der Karte, 0 bis 1.</translation>
        </message>
        <message>
            <source>Folder of the maps</source>
            <translation>Ordner der Karten</translation>
        </message>
        <message>
            <source>A class map of each scene, named after its raster, and mosaic.vrt over them. Scenes in another CRS have a mosaic of their own, mosaic_2.vrt and so on.</source>
            <translation>Eine Klassenkarte je Szene, nach ihrem Raster benannt, und mosaic.vrt darüber. Szenen in einem anderen KBS haben ein eigenes Mosaik, mosaic_2.vrt und so weiter.</translation>
        </message>
        <message>
            <source>Accuracy, areas and what was learnt, over all scenes; the same as JSON and CSV goes beside it.</source>
            <translation>Genauigkeit, Flächen und was gelernt wurde, über alle Szenen; dasselbe als JSON und CSV liegt daneben.</translation>
        </message>
        <message>
            <source>Class map of all scenes</source>
            <translation>Klassenkarte aller Szenen</translation>
        </message>
        <message>
            <source>Scenes</source>
            <translation>Szenen</translation>
        </message>
        <message>
            <source>1 Prepare campaign</source>
            <translation>1 Kampagne vorbereiten</translation>
        </message>
        <message>
            <source>cluster,slurm,tiles,mosaic,many scenes,country,large,export,torch</source>
            <translation>Cluster,Slurm,Kacheln,Mosaik,viele Szenen,Land,groß,Export,torch</translation>
        </message>
        <message>
            <source>Writes many scenes of one sensor, a training layer and the settings into one folder: a campaign. All scenes are then mapped as one raster, with one diffusion model and one classifier, and without seams between neighbours; by 'Run campaign on this computer' or by the jobs of a cluster, which need the folder, Python with torch, and no QGIS.</source>
            <translation>Schreibt viele Szenen eines Sensors, einen Trainingslayer und die Einstellungen in einen Ordner: eine Kampagne. Alle Szenen werden dann wie ein Raster kartiert, mit einem Diffusionsmodell und einem Klassifikator und ohne Nähte zwischen Nachbarn; von „Kampagne auf diesem Rechner ausführen“ oder von den Jobs eines Clusters, die den Ordner und Python mit torch brauchen, aber kein QGIS.</translation>
        </message>
        <message>
            <source>Rasters</source>
            <translation>Raster</translation>
        </message>
        <message>
            <source>The scenes to map: tiles of one raster, or scenes of one sensor. Bands are matched with those of the first raster by wavelength, else by name, else by order. Where two overlap, the first one counts.</source>
            <translation>Die Szenen, die kartiert werden: Kacheln eines Rasters oder Szenen eines Sensors. Kanäle werden denen des ersten Rasters nach Wellenlänge zugeordnet, sonst nach Namen, sonst nach Reihenfolge. Wo zwei sich überlappen, zählt die erste.</translation>
        </message>
        <message>
            <source>Of scenes with the same bands. Not given: the campaign trains one on all its scenes.</source>
            <translation>Von Szenen mit denselben Kanälen. Nicht angegeben: Die Kampagne trainiert eines auf allen ihren Szenen.</translation>
        </message>
        <message>
            <source>A new or empty folder, on a disk that all workers see. It holds the scenes, and later the maps.</source>
            <translation>Ein neuer oder leerer Ordner, auf einem Datenträger, den alle Worker sehen. Er enthält die Szenen und später die Karten.</translation>
        </message>
        <message>
            <source>Pixels</source>
            <translation>Pixel</translation>
        </message>
        <message>
            <source>Training samples</source>
            <translation>Trainingsdaten</translation>
        </message>
        <message>
            <source>Hours of one core, estimated</source>
            <translation>Stunden eines Kerns, geschätzt</translation>
        </message>
        <message>
            <source>2 Run campaign on this computer</source>
            <translation>2 Kampagne auf diesem Rechner ausführen</translation>
        </message>
        <message>
            <source>cluster,tiles,mosaic,parallel,many scenes,large,resume,torch</source>
            <translation>Cluster,Kacheln,Mosaik,parallel,viele Szenen,groß,fortsetzen,torch</translation>
        </message>
        <message>
            <source>Trains the model of a campaign, learns its classifier and maps all its scenes, with one worker for each graphics card or for each core of the processor. A cancelled or killed run loses seconds: run it again, here or on a cluster, and it goes on. 'Collect campaign' makes maps and report of the result.</source>
            <translation>Trainiert das Modell einer Kampagne, lernt ihren Klassifikator und kartiert alle ihre Szenen, mit einem Worker je Grafikkarte oder je Prozessorkern. Ein abgebrochener Lauf verliert Sekunden: Noch einmal gestartet, hier oder auf einem Cluster, geht er weiter. „Kampagne einsammeln“ macht aus dem Ergebnis Karten und Bericht.</translation>
        </message>
        <message>
            <source>Workers</source>
            <translation>Worker</translation>
        </message>
        <message>
            <source>Processes that map at the same time; each takes about 1 GB of memory. Not set: one for each graphics card, else one for each core.</source>
            <translation>Prozesse, die gleichzeitig kartieren; jeder braucht etwa 1 GB Arbeitsspeicher. Nicht gesetzt: einer je Grafikkarte, sonst einer je Kern.</translation>
        </message>
        <message>
            <source>Scenes mapped</source>
            <translation>Kartierte Szenen</translation>
        </message>
        <message>
            <source>Check environment</source>
            <translation>Umgebung prüfen</translation>
        </message>
        <message>
            <source>Data and environment</source>
            <translation>Daten und Umgebung</translation>
        </message>
        <message>
            <source>torch,python,cuda,gpu,install,diagnostics</source>
            <translation>torch,python,cuda,gpu,Grafikkarte,Installation,Diagnose</translation>
        </message>
        <message>
            <source>Says which Python would run the computing, whether it has torch, numpy and scipy, which graphics cards torch sees, and what to do where something is missing. Nothing is installed or changed.</source>
            <translation>Sagt, welches Python rechnen würde, ob es torch, numpy und scipy hat, welche Grafikkarten torch sieht und was zu tun ist, wo etwas fehlt. Es wird nichts installiert oder geändert.</translation>
        </message>
        <message>
            <source>What was found, for people.</source>
            <translation>Was gefunden wurde, zum Lesen.</translation>
        </message>
        <message>
            <source>Report for programs</source>
            <translation>Bericht für Programme</translation>
        </message>
        <message>
            <source>The same as JSON. Paths below the home folder begin with ~.</source>
            <translation>Dasselbe als JSON. Pfade unter dem Benutzerordner beginnen mit ~.</translation>
        </message>
        <message>
            <source>Ready to compute</source>
            <translation>Bereit zum Rechnen</translation>
        </message>
        <message>
            <source>3 Classify diffusion features</source>
            <translation>3 Diffusionsmerkmale klassifizieren</translation>
        </message>
        <message>
            <source>hyperspectral,supervised,classification,land cover,accuracy,kappa,confidence,torch</source>
            <translation>hyperspektral,überwachte Klassifikation,Landbedeckung,Landnutzung,Genauigkeit,Kappa,Konfidenz,torch</translation>
        </message>
        <message>
            <source>Learns classes from the samples of a training layer and maps them over the whole feature raster. The map carries the names and colours of the layer's categories. Part of the samples is held out to judge the map: by default whole polygons or blocks, as pixels beside a training pixel are no independent test.</source>
            <translation>Überwachte Klassifikation: lernt die Klassen aus den Trainingsdaten eines Layers und kartiert sie über den ganzen Merkmalsraster. Die Karte trägt die Namen und Farben der Kategorien des Layers. Ein Teil der Trainingsdaten wird zurückgehalten, um die Karte zu beurteilen: normalerweise ganze Polygone oder Blöcke, denn Pixel neben einem Trainingspixel sind keine unabhängige Probe.</translation>
        </message>
        <message>
            <source>Feature raster</source>
            <translation>Merkmalsraster</translation>
        </message>
        <message>
            <source>Written by 'Extract diffusion features'. Any other raster works too: each of its bands is then a feature.</source>
            <translation>Von „Diffusionsmerkmale extrahieren“ geschrieben. Jeder andere Raster geht auch: Dann ist jeder seiner Kanäle ein Merkmal.</translation>
        </message>
        <message>
            <source>For the classifiers mtmsd and linear: how many features are chosen with the training samples at each timestep; 0 keeps all. Not set: 60 % where the raster holds all features, else all.</source>
            <translation>Für die Klassifikatoren mtmsd und linear: wie viele Merkmale je Zeitschritt mit Hilfe der Trainingsdaten ausgewählt werden; 0 behält alle. Nicht gesetzt: 60 %, wenn der Raster alle Merkmale enthält, sonst alle.</translation>
        </message>
        <message>
            <source>Map clusters of a scene</source>
            <translation>Cluster einer Szene kartieren</translation>
        </message>
        <message>
            <source>hyperspectral,unsupervised,clustering,k-means,isodata,ward,land cover,segmentation,no labels,torch</source>
            <translation>hyperspektral,unüberwacht,Clusteranalyse,k-Means,Isodata,Ward,Landbedeckung,Segmentierung,ohne Trainingsdaten,torch</translation>
        </message>
        <message>
            <source>Maps a scene without any training sample: pixels that are alike become a cluster. The number of clusters is given, or proposed from what two halves of the scene agree on. The map has the colours of the land, and the same numbers for the same clusters in every run. 'Name clusters' makes a class map of it, with a few labelled points. A reference layer only judges the map, it never changes it.</source>
            <translation>Kartiert eine Szene ohne jedes Trainingspixel: Pixel, die sich gleichen, werden ein Cluster. Die Zahl der Cluster wird vorgegeben oder aus dem vorgeschlagen, worin zwei Hälften der Szene übereinstimmen. Die Karte hat die Farben des Landes und in jedem Lauf dieselben Nummern für dieselben Cluster. 'Cluster benennen' macht mit wenigen beschrifteten Punkten eine Klassenkarte daraus. Ein Referenzlayer bewertet die Karte nur, er ändert sie nie.</translation>
        </message>
        <message>
            <source>A scene of any data type with one band or more, or a feature raster.</source>
            <translation>Eine Szene beliebigen Datentyps mit einem Kanal oder mehr, oder ein Merkmalsraster.</translation>
        </message>
        <message>
            <source>Clusters</source>
            <translation>Cluster</translation>
        </message>
        <message>
            <source>0: the number is proposed, and the report shows why. Else from 2 to 60.</source>
            <translation>0: Die Zahl wird vorgeschlagen, und der Bericht zeigt, warum. Sonst 2 bis 60.</translation>
        </message>
        <message>
            <source>Features</source>
            <translation>Merkmale</translation>
        </message>
        <message>
            <source>diffusion: of the model below, or of one that is trained on this raster; minutes. bands: the raster's own bands alone; seconds. A feature raster is taken as it is.</source>
            <translation>diffusion: aus dem Modell unten oder einem, das an diesem Raster trainiert wird; Minuten. bands: nur die Kanäle des Rasters; Sekunden. Ein Merkmalsraster wird genommen, wie es ist.</translation>
        </message>
        <message>
            <source>Of this scene or of one with the same bands. Not given: one is trained on this scene.</source>
            <translation>Von dieser Szene oder von einer mit den gleichen Kanälen. Nicht angegeben: Es wird eines mit dieser Szene trainiert.</translation>
        </message>
        <message>
            <source>Further numbers of clusters</source>
            <translation>Weitere Clusterzahlen</translation>
        </message>
        <message>
            <source>For example 4,8,16: a map for each, nested in the others, as bands of OUTPUT_LEVELS. A cluster 3 of one map is 3.1 and 3.2 on the next.</source>
            <translation>Zum Beispiel 4,8,16: je eine Karte, ineinander geschachtelt, als Kanäle von OUTPUT_LEVELS. Ein Cluster 3 der einen Karte ist 3.1 und 3.2 auf der nächsten.</translation>
        </message>
        <message>
            <source>Points or polygons with their true class. They judge the finished map, and change nothing.</source>
            <translation>Punkte oder Polygone mit ihrer wahren Klasse. Sie bewerten die fertige Karte und ändern nichts.</translation>
        </message>
        <message>
            <source>Of the reference layer.</source>
            <translation>Des Referenzlayers.</translation>
        </message>
        <message>
            <source>Cluster map</source>
            <translation>Clusterkarte</translation>
        </message>
        <message>
            <source>GeoTIFF of the numbers of the clusters, 0 where there is no data.</source>
            <translation>GeoTIFF der Clusternummern, 0 ohne Daten.</translation>
        </message>
        <message>
            <source>Of the cluster on the map, 0 to 1; -1 where there is no data. On average it is the share of the pixels on which two halves of the scene agree.</source>
            <translation>Des Clusters auf der Karte, 0 bis 1; -1 ohne Daten. Im Mittel ist sie der Anteil der Pixel, bei denen zwei Hälften der Szene übereinstimmen.</translation>
        </message>
        <message>
            <source>Nested maps</source>
            <translation>Geschachtelte Karten</translation>
        </message>
        <message>
            <source>One band for each number of LEVELS.</source>
            <translation>Ein Kanal für jede Zahl von LEVELS.</translation>
        </message>
        <message>
            <source>Places to look at</source>
            <translation>Orte zum Nachsehen</translation>
        </message>
        <message>
            <source>Three typical pixels of each cluster, those of the largest cluster first. Fill their field 'class', and 'Name clusters' takes the layer.</source>
            <translation>Drei typische Pixel jedes Clusters, die des größten zuerst. Wird ihr Feld 'class' ausgefüllt, nimmt 'Cluster benennen' den Layer.</translation>
        </message>
        <message>
            <source>Why so many clusters, their mean spectra and areas, which are alike, and the scores where there is a reference layer. The same as JSON goes beside it.</source>
            <translation>Warum so viele Cluster, ihre mittleren Spektren und Flächen, welche sich gleichen, und die Gütemaße, wo es einen Referenzlayer gibt. Dasselbe als JSON liegt daneben.</translation>
        </message>
        <message>
            <source>Diffusion model trained</source>
            <translation>Trainiertes Diffusionsmodell</translation>
        </message>
        <message>
            <source>MTMSD model (*.mtmsd)</source>
            <translation>MTMSD-Modell (*.mtmsd)</translation>
        </message>
        <message>
            <source>The model that was trained, for other scenes with the same bands.</source>
            <translation>Das trainierte Modell, für andere Szenen mit denselben Kanälen.</translation>
        </message>
        <message>
            <source>Clusters on the map</source>
            <translation>Cluster auf der Karte</translation>
        </message>
        <message>
            <source>Overall accuracy, clusters matched one to one (%)</source>
            <translation>Gesamtgenauigkeit, Cluster eins zu eins zugeordnet (%)</translation>
        </message>
        <message>
            <source>Adjusted Rand index</source>
            <translation>Adjustierter Rand-Index</translation>
        </message>
        <message>
            <source>Normalised mutual information</source>
            <translation>Normierte Transinformation</translation>
        </message>
        <message>
            <source>Name clusters</source>
            <translation>Cluster benennen</translation>
        </message>
        <message>
            <source>unsupervised,clustering,labelling,reclassify,class map,land cover</source>
            <translation>unüberwacht,Clusteranalyse,Beschriftung,Reklassifizierung,Klassenkarte,Landbedeckung</translation>
        </message>
        <message>
            <source>Makes an ordinary class map of a cluster map: each cluster takes the class of the labelled points or polygons in it, or the name that a table gives it. One point in each cluster is enough; 'Map clusters of a scene' suggests where. Clusters of one class become one. It needs no torch.</source>
            <translation>Macht aus einer Clusterkarte eine gewöhnliche Klassenkarte: Jeder Cluster bekommt die Klasse der beschrifteten Punkte oder Polygone in ihm oder den Namen aus einer Tabelle. Ein Punkt je Cluster genügt; 'Cluster einer Szene kartieren' schlägt vor, wo. Cluster einer Klasse werden eins. torch wird nicht gebraucht.</translation>
        </message>
        <message>
            <source>One band of whole numbers, of 'Map clusters of a scene' or any other program.</source>
            <translation>Ein Kanal ganzer Zahlen, aus 'Cluster einer Szene kartieren' oder einem anderen Programm.</translation>
        </message>
        <message>
            <source>Labelled points or polygons</source>
            <translation>Beschriftete Punkte oder Polygone</translation>
        </message>
        <message>
            <source>A few, in any CRS. A cluster takes the class that most of its labelled pixels have, where that has a probability of 0.5 or more.</source>
            <translation>Einige wenige, in beliebigem KBS. Ein Cluster bekommt die Klasse der meisten seiner beschrifteten Pixel, wenn diese eine Wahrscheinlichkeit von 0,5 oder mehr hat.</translation>
        </message>
        <message>
            <source>Of the labelled layer. Features without a value are left out.</source>
            <translation>Des beschrifteten Layers. Objekte ohne Wert werden ausgelassen.</translation>
        </message>
        <message>
            <source>Names of clusters</source>
            <translation>Namen von Clustern</translation>
        </message>
        <message>
            <source>Cluster</source>
            <translation>Cluster</translation>
        </message>
        <message>
            <source>Class</source>
            <translation>Klasse</translation>
        </message>
        <message>
            <source>Number of a cluster and its class, a row each. What stands here counts more than the layer.</source>
            <translation>Nummer eines Clusters und seine Klasse, je eine Zeile. Was hier steht, gilt mehr als der Layer.</translation>
        </message>
        <message>
            <source>Clusters without a name</source>
            <translation>Cluster ohne Namen</translation>
        </message>
        <message>
            <source>keep: each stays a class of its own, called after its number. nodata: they become no data.</source>
            <translation>keep: Jeder bleibt eine eigene Klasse, benannt nach seiner Nummer. nodata: Sie werden zu Pixeln ohne Daten.</translation>
        </message>
        <message>
            <source>Classes on the map</source>
            <translation>Klassen auf der Karte</translation>
        </message>
        <message>
            <source>Share of the map that has a name (%)</source>
            <translation>Benannter Anteil der Karte (%)</translation>
        </message>
        <message>
            <source>Describe a model or classifier file</source>
            <translation>Modell- oder Klassifikatordatei beschreiben</translation>
        </message>
        <message>
            <source>model,classifier,checkpoint,metadata,bands,wavelengths,accuracy,fingerprint</source>
            <translation>Modell,Klassifikator,Sicherungspunkt,Metadaten,Kanäle,Wellenlängen,Genauigkeit,Fingerabdruck</translation>
        </message>
        <message>
            <source>Says what a diffusion model, a classifier or a checkpoint is: what it was made from and with, the bands it needs, and of a classifier its classes and their accuracy as it was measured. Only the file's header is read; nothing is changed, and torch is not needed.</source>
            <translation>Sagt, was ein Diffusionsmodell, ein Klassifikator oder ein Sicherungspunkt ist: woraus und womit die Datei gemacht wurde, welche Kanäle sie braucht, und bei einem Klassifikator die Klassen und ihre Genauigkeit, wie sie gemessen wurde. Nur der Kopf der Datei wird gelesen; nichts wird geändert, und torch wird nicht gebraucht.</translation>
        </message>
        <message>
            <source>File</source>
            <translation>Datei</translation>
        </message>
        <message>
            <source>MTMSD files (*.mtmsd *.mtmsdc *.checkpoint);;All files (*)</source>
            <translation>MTMSD-Dateien (*.mtmsd *.mtmsdc *.checkpoint);;Alle Dateien (*)</translation>
        </message>
        <message>
            <source>A diffusion model (.mtmsd), a classifier (.mtmsdc) or the checkpoint of an interrupted training.</source>
            <translation>Ein Diffusionsmodell (.mtmsd), ein Klassifikator (.mtmsdc) oder der Sicherungspunkt eines unterbrochenen Trainings.</translation>
        </message>
        <message>
            <source>What the file is, for people; the same as JSON lies beside it, for programs.</source>
            <translation>Was die Datei ist, für Menschen; dasselbe liegt als JSON daneben, für Programme.</translation>
        </message>
        <message>
            <source>Kind of file</source>
            <translation>Art der Datei</translation>
        </message>
        <message>
            <source>Fingerprint (SHA-256)</source>
            <translation>Fingerabdruck (SHA-256)</translation>
        </message>
        <message>
            <source>Version of the file</source>
            <translation>Version der Datei</translation>
        </message>
        <message>
            <source>Classes</source>
            <translation>Klassen</translation>
        </message>
        <message>
            <source>Explore diffusion features</source>
            <translation>Diffusionsmerkmale erkunden</translation>
        </message>
        <message>
            <source>hyperspectral,diffusion,timestep,stage,explain,interpret,components,receptive field,CKA,torch</source>
            <translation>hyperspektral,Diffusion,Zeitschritt,Stufe,erklären,deuten,Komponenten,rezeptives Feld,CKA,torch</translation>
        </message>
        <message>
            <source>Shows what the features of each timestep and stage are: as pictures, and in figures. How much of them is in the spectrum already, how far they look, how much is drawn noise, which timesteps say the same, and, with a training layer, what they know of the classes on fields that are held out. Cards show the channels that tell most, and what they resemble. Some tiles of the scene are looked at, so that it takes minutes.</source>
            <translation>Zeigt, was die Merkmale jedes Zeitschritts und jeder Stufe sind: in Bildern und in Zahlen. Wie viel davon schon im Spektrum steckt, wie weit sie sehen, wie viel gezogenes Rauschen ist, welche Zeitschritte dasselbe sagen und, mit einem Trainingslayer, was sie von den Klassen auf zurückgehaltenen Feldern wissen. Karten zeigen die aussagekräftigsten Kanäle und wem sie ähneln. Angesehen werden einige Kacheln der Szene, es dauert also Minuten.</translation>
        </message>
        <message>
            <source>Given: the report says what each timestep and stage knows of these classes, at polygons or blocks that are held out. Not given: clusters of the spectra stand in where classes are needed.</source>
            <translation>Angegeben: Der Bericht sagt, was jeder Zeitschritt und jede Stufe von diesen Klassen weiß, an zurückgehaltenen Polygonen oder Blöcken. Nicht angegeben: Wo Klassen gebraucht werden, stehen Cluster der Spektren für sie.</translation>
        </message>
        <message>
            <source>Noise levels from 0 (least) to 999, for example 50,100,150. Not set: 50 to 950 in steps of 50.</source>
            <translation>Stärken des Rauschens von 0 (geringste) bis 999, zum Beispiel 50,100,150. Nicht gesetzt: 50 bis 950 in Schritten von 50.</translation>
        </message>
        <message>
            <source>Pictures and figures of each timestep and stage, each with a sentence. The figures as JSON go beside it.</source>
            <translation>Bilder und Zahlen jedes Zeitschritts und jeder Stufe, jeweils mit einem Satz. Die Zahlen als JSON liegen daneben.</translation>
        </message>
        <message>
            <source>Gallery</source>
            <translation>Galerie</translation>
        </message>
        <message>
            <source>The pictures of the report as a raster that lies on the scene: for each stage and timestep three bands, red, green and blue, from 1 to 255; 0 where nothing was looked at. It has the pixels of the pictures: every single, second or fourth of a line, fewer in scenes of over 30 million pixels.</source>
            <translation>Die Bilder des Berichts als Raster, der auf der Szene liegt: für jede Stufe und jeden Zeitschritt drei Bänder, rot, grün und blau, von 1 bis 255; 0, wo nicht hingesehen wurde. Er hat die Pixel der Bilder: jedes, jedes zweite oder vierte einer Zeile, weniger in Szenen von über 30 Millionen Pixeln.</translation>
        </message>
        <message>
            <source>Timestep of the best cell</source>
            <translation>Zeitschritt der besten Zelle</translation>
        </message>
        <message>
            <source>Stage of the best cell</source>
            <translation>Stufe der besten Zelle</translation>
        </message>
        <message>
            <source>Held-out accuracy of the best cell (%)</source>
            <translation>Genauigkeit der besten Zelle an zurückgehaltenen Stichproben (%)</translation>
        </message>
        <message>
            <source>2 Extract diffusion features</source>
            <translation>2 Diffusionsmerkmale extrahieren</translation>
        </message>
        <message>
            <source>hyperspectral,deep learning,diffusion,purification,timestep,stage,torch</source>
            <translation>hyperspektral,Deep Learning,Diffusion,Merkmalsauswahl,Zeitschritt,Stufe,torch</translation>
        </message>
        <message>
            <source>Adds noise to the scene at several levels (timesteps), lets the diffusion model look at it, and takes what the network's layers (stages) see as features of every pixel. The most telling features are kept (purification). The result is a raster with a band for each timestep and feature, and the spectra behind them, for 'Classify diffusion features'. It is large: 2 bytes a pixel and band.</source>
            <translation>Verrauscht die Szene verschieden stark (Zeitschritte), lässt das Diffusionsmodell sie ansehen und nimmt, was die Schichten des Netzes (Stufen) sehen, als Merkmale jedes Pixels. Die aussagekräftigsten Merkmale werden behalten. Das Ergebnis ist ein Raster mit einem Kanal je Zeitschritt und Merkmal und dahinter den Spektren, für „Diffusionsmerkmale klassifizieren“. Er ist groß: 2 Byte je Pixel und Kanal.</translation>
        </message>
        <message>
            <source>Given: the features are chosen that tell these classes apart. Use training samples only, never those that the map is judged by. Not given: clusters of the spectra stand in for classes.</source>
            <translation>Angegeben: Es werden die Merkmale ausgewählt, die diese Klassen unterscheiden. Nur Trainingsdaten verwenden, nie solche, mit denen die Karte beurteilt wird. Nicht angegeben: Cluster der Spektren vertreten die Klassen.</translation>
        </message>
        <message>
            <source>Store the spectra as well</source>
            <translation>Auch die Spektren speichern</translation>
        </message>
        <message>
            <source>Adds the bands of the scene behind the features. The classifier 'auto' needs them to be good at places that have no samples.</source>
            <translation>Hängt die Kanäle der Szene hinter die Merkmale. Der Klassifikator „auto“ braucht sie, um an Orten ohne Trainingsdaten gut zu sein.</translation>
        </message>
        <message>
            <source>16-bit GeoTIFF; bands are named by timestep, stage and channel.</source>
            <translation>16-Bit-GeoTIFF; die Kanäle sind nach Zeitschritt, Stufe und Netzkanal benannt.</translation>
        </message>
        <message>
            <source>Bands written</source>
            <translation>Geschriebene Kanäle</translation>
        </message>
        <message>
            <source>Timesteps used</source>
            <translation>Verwendete Zeitschritte</translation>
        </message>
        <message>
            <source>Import benchmark scene (.mat)</source>
            <translation>Benchmark-Szene importieren (.mat)</translation>
        </message>
        <message>
            <source>hyperspectral,matlab,indian pines,pavia,ground truth,geotiff</source>
            <translation>hyperspektral,matlab,indian pines,pavia,Referenzdaten,geotiff</translation>
        </message>
        <message>
            <source>Reads a hyperspectral scene and its ground truth from MATLAB files, the form in which the public benchmark scenes are handed round, and writes a GeoTIFF, a raster of the labels, and a point layer with one point for every labelled pixel, for use as a training layer.</source>
            <translation>Liest eine Hyperspektralszene und ihre Referenzdaten aus MATLAB-Dateien, der Form, in der die öffentlichen Benchmark-Szenen weitergegeben werden, und schreibt einen GeoTIFF, einen Raster der Klassen und einen Punktlayer mit einem Punkt für jedes Pixel bekannter Klasse, als Trainingslayer zu verwenden.</translation>
        </message>
        <message>
            <source>MATLAB files (*.mat);;All files (*)</source>
            <translation>MATLAB-Dateien (*.mat);;Alle Dateien (*)</translation>
        </message>
        <message>
            <source>Scene</source>
            <translation>Szene</translation>
        </message>
        <message>
            <source>File with an array of rows, columns and bands; versions 5 to 7.2 of the format.</source>
            <translation>Datei mit einem Feld aus Zeilen, Spalten und Kanälen; Versionen 5 bis 7.2 des Formats.</translation>
        </message>
        <message>
            <source>Name of the array</source>
            <translation>Name des Feldes</translation>
        </message>
        <message>
            <source>Needed only where the file holds several arrays of three dimensions.</source>
            <translation>Nur nötig, wenn die Datei mehrere dreidimensionale Felder enthält.</translation>
        </message>
        <message>
            <source>Ground truth</source>
            <translation>Referenzdaten</translation>
        </message>
        <message>
            <source>File with an array of rows and columns: class ids, 0 where there is no label.</source>
            <translation>Datei mit einem Feld aus Zeilen und Spalten: Klassen-IDs; 0, wo keine Klasse bekannt ist.</translation>
        </message>
        <message>
            <source>Pixel size</source>
            <translation>Pixelgröße</translation>
        </message>
        <message>
            <source>In the unit of the CRS; metres where none is given. The files do not tell it.</source>
            <translation>In der Einheit des KBS; Meter, wenn keines angegeben ist. Die Dateien nennen sie nicht.</translation>
        </message>
        <message>
            <source>CRS</source>
            <translation>KBS</translation>
        </message>
        <message>
            <source>Not set: a local grid in metres, as the files do not say where on Earth the scene lies.</source>
            <translation>Nicht gesetzt: ein lokales Gitter in Metern, denn die Dateien sagen nicht, wo auf der Erde die Szene liegt.</translation>
        </message>
        <message>
            <source>GeoTIFF with the values and bands of the file.</source>
            <translation>GeoTIFF mit den Werten und Kanälen der Datei.</translation>
        </message>
        <message>
            <source>Label raster</source>
            <translation>Klassenraster</translation>
        </message>
        <message>
            <source>Class ids, 0 where there is no label. Needs a ground truth.</source>
            <translation>Klassen-IDs; 0, wo keine Klasse bekannt ist. Braucht Referenzdaten.</translation>
        </message>
        <message>
            <source>Labelled points</source>
            <translation>Punkte bekannter Klasse</translation>
        </message>
        <message>
            <source>One point a labelled pixel, with the fields class_id and class. Needs a ground truth.</source>
            <translation>Ein Punkt je Pixel bekannter Klasse, mit den Feldern class_id und class. Braucht Referenzdaten.</translation>
        </message>
        <message>
            <source>Map a scene in one step</source>
            <translation>Szene in einem Schritt kartieren</translation>
        </message>
        <message>
            <source>hyperspectral,land cover,classification,diffusion,supervised,accuracy,large,torch</source>
            <translation>hyperspektral,Landbedeckung,Klassifikation,Diffusion,überwacht,Genauigkeit,groß,torch</translation>
        </message>
        <message>
            <source>The three steps in one: trains a diffusion model on the raster (or takes one that you have), learns the classes of a training layer from its features, and maps them. Features are computed where they are needed and never stored, so a scene of any size needs little disk and memory. A cancelled or killed run leaves its work in a folder beside the class map; the same run goes on from there.</source>
            <translation>Die drei Schritte in einem: trainiert ein Diffusionsmodell mit dem Raster (oder nimmt ein vorhandenes), lernt die Klassen eines Trainingslayers aus dessen Merkmalen und kartiert sie. Merkmale werden berechnet, wo sie gebraucht werden, und nie gespeichert; so braucht eine Szene jeder Größe wenig Platz und Speicher. Ein abgebrochener Lauf hinterlässt seine Arbeit in einem Ordner neben der Klassenkarte; der gleiche Lauf geht von dort weiter.</translation>
        </message>
        <message>
            <source>The scene to map: any data type, one band or more.</source>
            <translation>Die Szene, die kartiert wird: Zahlen jeder Art, ein Kanal oder mehr.</translation>
        </message>
        <message>
            <source>The model that was trained, for other scenes with the same bands. Only where MODEL is not given.</source>
            <translation>Das trainierte Modell, für andere Szenen mit den gleichen Kanälen. Nur, wenn MODEL nicht angegeben ist.</translation>
        </message>
        <message>
            <source>1 Pretrain diffusion model</source>
            <translation>1 Diffusionsmodell vortrainieren</translation>
        </message>
        <message>
            <source>hyperspectral,deep learning,self-supervised,unsupervised,train,torch,features</source>
            <translation>hyperspektral,Deep Learning,selbstüberwacht,unüberwacht,trainieren,torch,Merkmale</translation>
        </message>
        <message>
            <source>Trains a small diffusion model on a multi- or hyperspectral raster. No labels are needed: the model learns what the scene looks like by removing noise from patches of it. The result is a model file, from which 'Extract diffusion features' takes features for classification. A cancelled or killed run leaves a checkpoint beside the output; give it as 'Checkpoint to go on from' to finish the run.</source>
            <translation>Trainiert ein kleines Diffusionsmodell mit einem multi- oder hyperspektralen Raster. Dazu sind keine Trainingsdaten nötig: Das Modell lernt, wie die Szene aussieht, indem es Ausschnitte von ihr entrauscht. Das Ergebnis ist eine Modelldatei, aus der „Diffusionsmerkmale extrahieren“ Merkmale für die Klassifikation gewinnt. Ein abgebrochener Lauf hinterlässt neben der Ausgabe einen Zwischenstand; mit ihm als „Zwischenstand, von dem es weitergeht“ lässt er sich zu Ende führen.</translation>
        </message>
        <message>
            <source>The scene to learn from: any number type, one band or thousands.</source>
            <translation>Die Szene, von der gelernt wird: Zahlen jeder Art, ein Kanal oder Tausende.</translation>
        </message>
        <message>
            <source>Checkpoint to go on from</source>
            <translation>Zwischenstand, von dem es weitergeht</translation>
        </message>
        <message>
            <source>MTMSD checkpoints (*.checkpoint);;All files (*)</source>
            <translation>MTMSD-Zwischenstände (*.checkpoint);;Alle Dateien (*)</translation>
        </message>
        <message>
            <source>The file that an interrupted run left beside its output, ending in .checkpoint. With the same raster and settings, training goes on to the same result.</source>
            <translation>Die Datei mit der Endung .checkpoint, die ein unterbrochener Lauf neben seiner Ausgabe hinterlassen hat. Mit gleichem Raster und gleichen Einstellungen führt das Training zum gleichen Ergebnis.</translation>
        </message>
        <message>
            <source>The model file: the network, and how the bands were prepared for it.</source>
            <translation>Die Modelldatei: das Netz, und wie die Kanäle für es aufbereitet wurden.</translation>
        </message>
        <message>
            <source>Loss curve, denoised samples at a few noise levels, features of a few timesteps and stages as pictures, settings, device and time.</source>
            <translation>Verlustkurve, entrauschte Proben bei einigen Rauschstärken, Merkmale einiger Zeitschritte und Stufen als Bilder, Einstellungen, Gerät und Zeit.</translation>
        </message>
        <message>
            <source>Final loss</source>
            <translation>Verlust am Ende</translation>
        </message>
        <message>
            <source>MTMSD: diffusion features for hyperspectral scenes</source>
            <translation>MTMSD: Diffusionsmerkmale für Hyperspektralszenen</translation>
        </message>
        <message>
            <source>Python with torch, numpy and scipy (empty: environment variable MTMSD_PYTHON, or the plugin's own)</source>
            <translation>Python mit torch, numpy und scipy (leer: Umgebungsvariable MTMSD_PYTHON oder das der Erweiterung)</translation>
        </message>
        <message>
            <source>Set up environment</source>
            <translation>Umgebung einrichten</translation>
        </message>
        <message>
            <source>torch,python,cuda,gpu,install,pip,offline</source>
            <translation>torch,python,cuda,gpu,Installation,installieren,pip,offline</translation>
        </message>
        <message>
            <source>Makes a Python of the plugin's own, with torch, numpy and scipy, apart from QGIS; the Python of QGIS is left as it is. About 0.3 GB are downloaded for the processor (1.1 GB on the disk), about 3 GB for an NVIDIA card (7 GB on the disk), from PyPI and PyTorch's index, or where pip is configured to look. The log says place, size and source before anything is downloaded. It can be cancelled, and run again. Without a network, give a folder of wheels.</source>
            <translation>Richtet ein eigenes Python der Erweiterung mit torch, numpy und scipy ein, getrennt von QGIS; das Python von QGIS bleibt, wie es ist. Heruntergeladen werden etwa 0,3 GB für den Prozessor (1,1 GB auf der Platte) oder etwa 3 GB für eine NVIDIA-Karte (7 GB auf der Platte), von PyPI und dem Paketverzeichnis von PyTorch oder von dort, wo pip eingestellt ist zu suchen. Das Protokoll nennt Ort, Größe und Quelle, bevor etwas heruntergeladen wird. Es kann abgebrochen und wiederholt werden. Ohne Netz geben Sie einen Ordner mit Wheels an.</translation>
        </message>
        <message>
            <source>Build of torch</source>
            <translation>Ausgabe von torch</translation>
        </message>
        <message>
            <source>cuda: the build for NVIDIA cards that fits card and driver. cpu: for the processor. auto: cuda where there is a card, else cpu; a card that cannot be used is reported, not passed over.</source>
            <translation>cuda: die Ausgabe für NVIDIA-Karten, die zu Karte und Treiber passt. cpu: für den Prozessor. auto: cuda, wo eine Karte da ist, sonst cpu; eine Karte, die nicht genutzt werden kann, wird gemeldet und nicht übergangen.</translation>
        </message>
        <message>
            <source>Folder for the environment</source>
            <translation>Ordner für die Umgebung</translation>
        </message>
        <message>
            <source>Where it goes. Empty: 'mtmsd' in the user's folder for application data, or the folder that the environment variable MTMSD_HOME names.</source>
            <translation>Wohin sie kommt. Leer: „mtmsd“ im Ordner des Benutzers für Anwendungsdaten oder der Ordner, den die Umgebungsvariable MTMSD_HOME nennt.</translation>
        </message>
        <message>
            <source>Folder of wheels (no network)</source>
            <translation>Ordner mit Wheels (ohne Netz)</translation>
        </message>
        <message>
            <source>Packages that were downloaded elsewhere, with the command that the log of a run with a network ends with. Given, the network is not used at all.</source>
            <translation>Pakete, die anderswo heruntergeladen wurden, mit dem Befehl, mit dem das Protokoll eines Laufs mit Netz endet. Ist er angegeben, wird das Netz gar nicht benutzt.</translation>
        </message>
        <message>
            <source>Python of the environment</source>
            <translation>Python der Umgebung</translation>
        </message>
        <message>
            <source>Version of torch</source>
            <translation>Version von torch</translation>
        </message>
        <message>
            <source>Package index for torch</source>
            <translation>Paketverzeichnis für torch</translation>
        </message>
        <message>
            <source>An index that has torch, in place of PyTorch's own, such as a mirror, or the index of another CUDA version.</source>
            <translation>Ein Verzeichnis, das torch hat, anstelle desjenigen von PyTorch: etwa ein Spiegel oder das Verzeichnis einer anderen CUDA-Version.</translation>
        </message>
        <message>
            <source>Python to make it from</source>
            <translation>Python als Grundlage</translation>
        </message>
        <message>
            <source>Programs (*)</source>
            <translation>Programme (*)</translation>
        </message>
        <message>
            <source>Empty: the Python of QGIS, which stays as it is. Needed where QGIS has none that can be started, as QGIS 4 for macOS, or one that torch does not support.</source>
            <translation>Leer: das Python von QGIS, das bleibt, wie es ist. Nötig, wo QGIS keines hat, das sich starten lässt, wie QGIS 4 für macOS, oder eines, das torch nicht unterstützt.</translation>
        </message>
        <message>
            <source>Scene to class map</source>
            <translation>Von der Szene zur Klassenkarte</translation>
        </message>
        <message>
            <source>Map another scene</source>
            <translation>Weitere Szene kartieren</translation>
        </message>
        <message>
            <source>Class map of the other scene</source>
            <translation>Klassenkarte der weiteren Szene</translation>
        </message>
        <message>
            <source>Report on the other scene</source>
            <translation>Bericht zur weiteren Szene</translation>
        </message>
        <message>
            <source>Other scene</source>
            <translation>Weitere Szene</translation>
        </message>
        <message>
            <source>The scene that has no samples of its own: another date of the same ground, or the next tile. It needs the bands of the first scene, found by wavelength, name or order.</source>
            <translation>Die Szene, die keine eigenen Trainingsproben hat: ein anderes Datum am selben Ort oder die nächste Kachel. Sie braucht die Kanäle der ersten Szene, gefunden nach Wellenlänge, Name oder Reihenfolge.</translation>
        </message>
        <message>
            <source>Trains a diffusion model on the scene, extracts its features, and classifies them with the training layer: the three steps with their usual settings. The features are chosen without a look at the labels, so that the samples held out are held out from every step.</source>
            <translation>Trainiert ein Diffusionsmodell mit der Szene, extrahiert seine Merkmale und klassifiziert sie mit dem Trainingslayer: die drei Schritte mit ihren üblichen Einstellungen. Die Merkmale werden ohne Blick auf die Klassen ausgewählt; was zurückgehalten wird, ist damit in jedem Schritt zurückgehalten.</translation>
        </message>
        <message>
            <source>Trains a diffusion model on a scene, learns classes there from the training layer, and maps another scene of the same sensor with what was learnt. The report on the other scene says first whether its map may be believed.</source>
            <translation>Trainiert ein Diffusionsmodell auf einer Szene, lernt dort die Klassen aus dem Trainingslayer und kartiert damit eine weitere Szene desselben Sensors. Der Bericht zur weiteren Szene sagt zuerst, ob man ihrer Karte trauen darf.</translation>
        </message>
        <message>
            <source>hyperspectral,classification,land cover,deep learning,model,workflow</source>
            <translation>hyperspektral,überwachte Klassifikation,Landbedeckung,Deep Learning,Modell,Arbeitsablauf</translation>
        </message>
        <message>
            <source>The same seed and inputs give the same two layers.</source>
            <translation>Gleicher Startwert und gleiche Eingaben ergeben die gleichen beiden Layer.</translation>
        </message>
        <message>
            <source>Split samples into training and validation</source>
            <translation>Referenzdaten in Training und Validierung teilen</translation>
        </message>
        <message>
            <source>training,validation,reference,holdout,spatial split,block,buffer,sampling,accuracy</source>
            <translation>Training,Validierung,Referenzdaten,Stichprobe,räumliche Aufteilung,Block,Puffer,Genauigkeit</translation>
        </message>
        <message>
            <source>Parts labelled points or polygons into a training layer and a validation layer. Whole polygons, or whole squares of a grid, can be kept apart, with a distance between the two layers: pixels beside a training pixel are no independent test of a map. Classes keep their share in both layers as far as whole polygons or squares allow it. What stays in training as a whole, and all that is left out, is named in the log.</source>
            <translation>Teilt Punkte oder Polygone bekannter Klasse in einen Trainings- und einen Validierungslayer. Ganze Polygone oder ganze Quadrate eines Gitters lassen sich getrennt halten, mit einem Abstand zwischen den beiden Layern: Pixel neben einem Trainingspixel sind keine unabhängige Probe einer Karte. Die Klassen behalten in beiden Layern ihren Anteil, soweit ganze Polygone oder Quadrate das zulassen. Was ganz im Training bleibt und was ausgelassen wird, nennt das Protokoll.</translation>
        </message>
        <message>
            <source>Points or polygons with a known class; only the selected ones, where you ask for that.</source>
            <translation>Punkte oder Polygone bekannter Klasse; auf Wunsch nur die ausgewählten.</translation>
        </message>
        <message>
            <source>Numbers, text or dates. Features without a value are left out and counted in the log.</source>
            <translation>Zahlen, Text oder Datum. Objekte ohne Wert werden ausgelassen und im Protokoll gezählt.</translation>
        </message>
        <message>
            <source>Method</source>
            <translation>Verfahren</translation>
        </message>
        <message>
            <source>group: whole polygons (or multipoints) go to one side; single points go by squares, as with block. block: all samples in a square of a grid go to one side. random: single samples of each class, as many papers do; an accuracy from these is too high where samples are neighbours.</source>
            <translation>group: Ganze Polygone (oder Multipunkte) kommen auf eine Seite; einzelne Punkte nach Quadraten, wie bei block. block: Alles in einem Quadrat eines Gitters kommt auf eine Seite. random: einzelne Proben jeder Klasse, wie in vielen Veröffentlichungen; eine Genauigkeit daraus ist zu hoch, wo die Proben Nachbarn sind.</translation>
        </message>
        <message>
            <source>Raster, to split its pixels</source>
            <translation>Raster, dessen Pixel geteilt werden</translation>
        </message>
        <message>
            <source>Given, the samples are its pixels: a point at the centre of each pixel whose centre a polygon covers or that a point lies in, with the class and the id of the feature. Not set: the features are the samples, with all their attributes.</source>
            <translation>Angegeben: Geteilt werden seine Pixel: ein Punkt in der Mitte jedes Pixels, dessen Mittelpunkt ein Polygon bedeckt oder in dem ein Punkt liegt, mit der Klasse und der ID des Objekts. Nicht gesetzt: Geteilt werden die Objekte, mit allen ihren Attributen.</translation>
        </message>
        <message>
            <source>Samples to learn from, in the form and CRS of the layer, or of the pixels.</source>
            <translation>Daten zum Lernen, in der Form und im KBS des Layers oder der Pixel.</translation>
        </message>
        <message>
            <source>Samples to judge a map by; none of them is in the training layer.</source>
            <translation>Daten, mit denen eine Karte beurteilt wird; keine davon sind im Trainingslayer.</translation>
        </message>
        <message>
            <source>Validation samples</source>
            <translation>Validierungsdaten</translation>
        </message>
        <message>
            <source>Share for validation</source>
            <translation>Anteil für die Validierung</translation>
        </message>
        <message>
            <source>Of the samples of every class; more than 0 and less than 1.</source>
            <translation>Von den Daten jeder Klasse; mehr als 0 und weniger als 1.</translation>
        </message>
        <message>
            <source>Training samples per class, instead of the share</source>
            <translation>Trainingsdaten je Klasse, anstelle des Anteils</translation>
        </message>
        <message>
            <source>Given, this many samples of every class are for training and the others for validation. With group and block, what exceeds the number in a polygon or square of the training side is left out.</source>
            <translation>Angegeben: So viele jeder Klasse dienen dem Training, die übrigen der Validierung. Bei group und block wird ausgelassen, was in einem Polygon oder Quadrat der Trainingsseite die Zahl übersteigt.</translation>
        </message>
        <message>
            <source>Distance between the layers (m)</source>
            <translation>Abstand zwischen den Layern (m)</translation>
        </message>
        <message>
            <source>Block size (m)</source>
            <translation>Blockgröße (m)</translation>
        </message>
        <message>
            <source>Validation samples within this distance of a training sample are left out. Half the width of the window that a classifier sees is a good choice. 0: none is left out.</source>
            <translation>Validierungsdaten in diesem Abstand von Trainingsdaten werden ausgelassen. Die halbe Breite des Fensters, das ein Klassifikator sieht, ist eine gute Wahl. 0: Keine werden ausgelassen.</translation>
        </message>
        <message>
            <source>Side of the squares. 0: chosen so that about a hundred squares cover the samples; the log says how large they are.</source>
            <translation>Seite der Quadrate. 0: so gewählt, dass etwa hundert Quadrate die Daten bedecken; das Protokoll sagt, wie groß sie sind.</translation>
        </message>
        <message>
            <source>Samples of {scene}</source>
            <translation>Referenzdaten von {scene}</translation>
        </message>
    </context>
</TS>
