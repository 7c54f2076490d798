"""The numbers that the five papers print, as printed; what recognition lost of them and where they disagree is noted.

They were measured on data sets that nobody else has, so they stand beside a result and are never compared with it.
"""

from __future__ import annotations

from dataclasses import dataclass

Cells = tuple[str, ...]
Rows = tuple[tuple[str, Cells], ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """One table of a paper: its rows by label, as printed, and what must be known of them."""

    title: str
    columns: Cells
    rows: Rows
    notes: tuple[str, ...] = ()


CITATIONS = {
    "P1": "Shevtsov et al., Automatic lymph nodes segmentation and histological status classification on CT (preprint)",
    "P2": "Ansari, Binary classification of metastatic lymph nodes using deep learning (preprint)",
    "P3": "Engelson, Ehrhardt et al., LNQ Challenge 2023: mediastinal lymph nodes with a probabilistic atlas (MELBA)",
    "P4": "Lymph nodes of the head and neck on CT by nnU-Net, Cancers 2023, 15, 5890",
    "P5": "Oncology-significant lymph nodes on RTCT and PET by decision stratification and GLNet (2020)",
}

P1_TABLE_1 = Printed(
    "Table 1: patients by histology of a station",
    ("benign", "malignant", "n/a"),
    (
        ("1R", ("0", "0", "8")),
        ("1L", ("0", "0", "8")),
        ("2R", ("5", "2", "1")),
        ("2L", ("3", "0", "5")),
        ("3a", ("0", "0", "8")),
        ("3p", ("0", "0", "8")),
        ("4R", ("6", "2", "0")),
        ("4L", ("8", "0", "0")),
        ("5", ("0", "1", "7")),
        ("6", ("0", "1", "7")),
        ("7", ("6", "1", "1")),
        ("8", ("0", "0", "8")),
        ("9", ("1", "0", "7")),
        ("10R", ("2", "2", "4")),
        ("10L", ("2", "1", "5")),
    ),
    ("8 patients; station 9 has a benign result although stations 1, 8 and 9 were dropped.",),
)
STATIONS_P1 = tuple(station for station, _ in P1_TABLE_1.rows)
P1_TABLE_2 = Printed(
    "Table 2: detection by short axis of the true node",
    ("avgRecall", "objDSC"),
    (
        ("d > 0 mm", ("0.48 ± 0.01", "0.53 ± 0.24")),
        ("d > 5 mm", ("0.74 ± 0.01", "0.53 ± 0.26")),
        ("d > 10 mm", ("0.95 ± 0.01", "0.56 ± 0.26")),
    ),
    ("The conclusion names the second row 'SAD ≤ 10 mm'; the table is followed here.",),
)
P1_TABLE_3 = Printed(
    "Table 3: patients",
    ("N", "max d, mm", "max p"),
    (
        ("0", ("0", "11", "0.29")),
        ("1", ("0", "14", "0.41")),
        ("2", ("+", "38", "1.00")),
        ("3", ("+", "14", "0.54")),
        ("4", ("+", "14", "0.54")),
        ("5", ("0", "21", "0.83")),
        ("6", ("+", "15", "0.61")),
        ("7", ("+", "11", "0.96")),
    ),
)
P1_FIGURE_6 = Printed(
    "Figure 6: ROC AUC of the patient's N status",
    ("by max p", "by max d"),
    (("in the text", ("0.73", "0.53")), ("from the printed Table 3", ("0.80", "0.567"))),
    (
        "The printed Table 3 gives 12/15 and 8.5/15, not the text's 0.73 and 0.53: 0.53 is within rounding of the "
        "diameters; 0.73 follows if patient 2 (38 mm) is scored before the rule that more than 30 mm is malignant.",
    ),
)
P1_FIGURE_5 = Printed(
    "Figure 5: recall read off the FROC",
    ("d > 5 mm at 10 FP a case", "d > 10 mm at 3 FP a case"),
    (("as the text says", ("0.80", "1.00")),),
)
P1_FIGURE_4 = Printed(
    "Figure 4: stations assigned rightly",
    ("top 1", "top 2", "top 3"),
    (("quoted from Iuga et al. 2021", ("0.86", "0.94", "0.96")),),
    ("P1's own figure prints no number in the text; the row is what P1 quotes from another paper.",),
)
P2_TABLE_3 = Printed(
    "Table 3: benign or metastatic",
    ("train accuracy", "test accuracy", "test AUC"),
    (
        ("custom CNN, no augmentation", ("0.99", "0.74", "0.42")),
        ("custom CNN, augmentation", ("0.99", "0.55", "0.63")),
        ("ResNet-50, no augmentation", ("0.99", "0.68", "0.53")),
    ),
    (
        "The text says test accuracy was below 0.7; the table has 0.74.",
        "P2 split its data by slice, so that slices of one patient lie on both sides.",
    ),
)
_P3_COLUMNS = ("Dice", "ASSD, mm", "Precision", "Recall", "LN found")
P3_TABLE_3 = Printed(
    "Table 3: LNQ test set, without post-processing",
    _P3_COLUMNS,
    (
        ("CT only", ("0.3531 ± 0.0077", "14.6567 ± 0.9442", "0.8194", "0.2563", "0.2652")),
        ("SM", ("0.3818 ± 0.0127", "12.8515 ± 0.5995", "0.8107", "0.2770", "0.2732")),
        ("DM, PA", ("0.3611 ± 0.0138", "14.1947 ± 0.8583", "0.8363", "0.2684", "0.2656")),
        ("+ oversampling, Tversky", ("0.4297 ± 0.0034", "11.7228 ± 0.5704", "0.8382", "0.3062", "0.3104")),
        ("+ GIN, IPA", ("0.5269 ± 0.0428", "7.6773 ± 1.7314", "0.8061", "0.4283", "0.4448")),
        ("+ PA-weighted loss", ("0.5509 ± 0.0053", "6.9804 ± 0.3109", "0.7968", "0.4590", "0.4763")),
        ("ensemble", ("0.5554", "6.8249", "0.8148", "0.4598", "0.4586")),
    ),
    ("Restored from recognised text: 14.6567 ± 0.9442, 0.5995, 0.2563, 0.2652, 0.5509. ± is over five training runs.",),
)
P3_TABLE_4 = Printed(
    "Table 4: LNQ test set, with post-processing",
    _P3_COLUMNS,
    (
        ("CT only", ("0.3758 ± 0.0071", "14.3196 ± 0.9879", "0.7983", "0.2815", "0.2749")),
        ("SM", ("0.4024 ± 0.0122", "13.0008 ± 1.0790", "0.7881", "0.3020", "0.2807")),
        ("DM, PA", ("0.3825 ± 0.0128", "14.4255 ± 1.0931", "0.8151", "0.2941", "0.2754")),
        ("+ oversampling, Tversky", ("0.4524 ± 0.0029", "11.0104 ± 0.6128", "0.8228", "0.3344", "0.3299")),
        ("+ GIN, IPA", ("0.5491 ± 0.0423", "7.1048 ± 1.6649", "0.7853", "0.4643", "0.4896")),
        ("+ PA-weighted loss", ("0.5703 ± 0.006", "6.4780 ± 0.3397", "0.7738", "0.4943", "0.5153")),
        ("ensemble", ("0.6033", "5.7483", "0.7606", "0.5483", "0.5654")),
    ),
    (
        "LN found is worded as a fraction of predicted nodes; its formula, TP/(TP+FN), is a recall over true nodes.",
        "The submitted ensemble (Table 2) scored Dice 0.5690 and ASSD 6.8976 on the test set.",
    ),
)
P4_TABLE_1A = Printed(
    "Table 1a: true nodes of the test set by class",
    ("< 1 cm", "> 1 cm", "total"),
    (("N", ("221", "10", "231")), ("P", ("18", "12", "30")), ("ENE", ("0", "10", "10"))),
    ("All parts of the table sum to 2552 nodes, the text says 2527; the rates of Table 2 need 222 N, not 231.",),
)
P4_TABLE_1B = Printed(
    "Table 1b: nodes of the result by class",
    ("< 1 cm", "> 1 cm", "total"),
    (("N", ("167", "9", "176")), ("P", ("17", "11", "28")), ("ENE", ("0", "9", "9"))),
    ("28 of 30 P are 93 %, the text says 73 % (22 of 30).",),
)
P4_TABLE_2 = Printed(
    "Table 2: detection",
    ("ENE+P", "N"),
    (
        ("detection rate > 0, %, classes apart", ("87.50", "76.58")),
        ("detection rate > 50, %, classes apart", ("80.00", "59.46")),
        ("FP an image, classes apart", ("1.29", "4.64")),
        ("detection rate > 0, %, P and ENE merged", ("92.50", "75.68")),
        ("detection rate > 50, %, P and ENE merged", ("87.50", "61.71")),
        ("FP an image, P and ENE merged", ("1.11", "5.46")),
    ),
    (
        "The formula printed for the detection rate is that of precision; its denominators are the true nodes.",
        "An image is a volume: 36, 130, 31 and 153 false positives over 28 test volumes (the abstract says 29).",
    ),
)
P4_TEXT = Printed(
    "In the text: detection rate by class, and Dice",
    ("N", "P", "ENE", "mean", "Dice"),
    (("test set", ("76 %", "73 %", "90 %", "80 %", "0.71")),),
    ("80 % is the mean of the three classes.",),
)
P4_TABLE_S4 = Printed(
    "Table S4 in the text: voxels of one class called the other, %",
    ("P called ENE", "ENE called P"),
    (("test set", ("11", "11")),),
    ("The whole matrix is in a supplement that is not printed with the paper.",),
)
_P5_COLUMNS = ("recall@0.15", "mRecall@0.10–0.20")
P5_TABLE_1A = Printed(
    "Table 1a: first stage, validation set, backbones",
    _P5_COLUMNS,
    (
        ("3D U-Net, CT", ("0.736", "0.762")),
        ("3D U-Net, EF", ("0.732", "0.722")),
        ("SE-UNet, CT", ("0.686", "0.693")),
        ("SE-UNet, EF", ("0.705", "0.705")),
        ("HRNet, CT", ("0.524", "0.538")),
        ("HRNet, EF", ("0.656", "0.638")),
        ("PSNN, CT", ("0.709", "0.714")),
        ("PSNN, EF", ("0.574", "0.592")),
    ),
)
P5_TABLE_1B = Printed(
    "Table 1b: first stage, validation set, with and without stratification by distance",
    _P5_COLUMNS,
    (
        ("LF, stratified", ("0.828", "0.817")),
        ("LF, not stratified", ("0.786", "0.732")),
        ("EF, stratified", ("0.788", "0.760")),
        ("EF, not stratified", ("0.732", "0.722")),
        ("CT, stratified", ("0.772", "0.772")),
        ("CT, not stratified", ("0.736", "0.762")),
    ),
    ("The abstract's recall of 0.828 is this: first stage, validation set, at a precision of 0.15.",),
)
P5_TABLE_2 = Printed(
    "Table 2: whole system, test set",
    ("F1", "mFROC"),
    (
        ("first stage only, CT", ("0.407", "0.431")),
        ("first stage only, EF", ("0.370", "0.395")),
        ("first stage only, LF", ("0.441", "0.478")),
        ("CT, 2.5D", ("0.220", "0.067")),
        ("CT, tags only", ("0.380", "0.408")),
        ("CT, local CT", ("0.421", "0.449")),
        ("CT, local CT+PET", ("0.450", "0.491")),
        ("CT, GLNet", ("0.513", "0.563")),
        ("EF, 2.5D", ("0.225", "0.092")),
        ("EF, tags only", ("0.397", "0.444")),
        ("EF, local CT", ("0.423", "0.473")),
        ("EF, local CT+PET", ("0.469", "0.518")),
        ("EF, GLNet", ("0.507", "0.572")),
        ("LF, 2.5D", ("0.257", "0.143")),
        ("LF, tags only", ("0.471", "0.531")),
        ("LF, local CT", ("0.513", "0.576")),
        ("LF, local CT+PET", ("0.526", "0.594")),
        ("LF, GLNet", ("0.552", "0.645")),
        ("MULAN, CT+PET", ("0.436", "0.475")),
        ("MULAN, CT", ("0.335", "0.348")),
    ),
    (
        "The marks of which inputs a row had are lost in recognition; the order is restored from the text.",
        "'22 % improvement' is 22 points of recall at 3 FP (45 → 67); mFROC rises by 0.170, or 35.8 %.",
    ),
)
