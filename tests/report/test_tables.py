import csv

from nodewise.io.casefile import record_of
from nodewise.report.tables import NODE_COLUMNS, nodes_csv, summary_row


def rows_of(assessment, path):
    nodes_csv(assessment, path)
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        return list(reader), tuple(reader.fieldnames)


def test_one_row_a_node_under_the_documented_columns(sided, tmp_path):
    rows, columns = rows_of(sided, tmp_path / "nodes.csv")
    assert columns == NODE_COLUMNS
    assert [row["id"] for row in rows] == ["1", "2", "3", "7"]
    first, third = rows[0], rows[2]
    assert (first["station"], first["station_second"], first["drives_category"]) == ("4R", "10R", "yes")
    assert (first["short_axis_mm"], first["long_axis_mm"], first["malignancy_probability"]) == ("12.0", "18.0", "0.82")
    assert [first[f"centroid_{axis}_lps_mm"] for axis in "xyz"] == ["-24.0", "0.0", "6.0"]
    assert (first["uptake_suvbw"], third["uptake_suvbw"]) == ("", "4.5")
    assert rows[1]["drives_category"] == "no"


def test_no_node_leaves_the_header(empty, tmp_path):
    assert rows_of(empty, tmp_path / "nodes.csv") == ([], NODE_COLUMNS)


def test_a_case_of_a_cohort(sided, both_sides, empty):
    row = summary_row("case 1", record_of(sided))
    assert (row["study"], row["n_category"], row["at_least"], row["primary_side"]) == ("case 1", "N2b", "no", "right")
    assert (row["nodes"], row["nodes_at_threshold"], row["driving_nodes"]) == (4, 2, "1 3")
    assert (row["largest_short_axis_mm"], row["largest_malignancy_probability"]) == (18.0, 0.97)
    assert row["seconds"] == 3.8
    other = summary_row("case 2", record_of(both_sides))
    assert (other["n_category_if_left"], other["n_category_if_right"]) == ("N3", "N2b")
    assert list(other) == list(row) == list(summary_row("case 3", record_of(empty)))
    assert summary_row("case 3", record_of(empty))["largest_short_axis_mm"] == ""
