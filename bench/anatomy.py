"""Seconds and memory of a chest's anatomy by landmarks, stage by stage, beside SimpleITK's reading and resampling.

    python bench/anatomy.py scans/anna
    python bench/anatomy.py                    # a drawn patient of 512 x 512 x 300 voxels

Processor seconds are of all threads together: they mind less what else the machine does. Memory is the largest of the
process so far, after the stage. SimpleITK reads the same file and resamples it to the same 1.5 mm, in the same run.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nodewise.anatomy import chest, read
from nodewise.cli.options import use_threads
from nodewise.io.folder import read_study
from nodewise.io.itk import write_nifti
from nodewise.values.study import Study

TARGET_S = 12.0  # on two cores, for 512 x 512 x 300 voxels
STAGES = {
    read: ("_on_lattice", "body_mask", "read_chest", "mediastinum", "_blood", "station_map", "landmarks", "_cavity"),
    chest: (
        "find_canal", "find_trachea", "grow_airway", "find_lungs", "find_descending", "_arch", "find_vessels",
        "manubrium_top", "bronchi",
    ),
}  # fmt: skip


@dataclass(slots=True)
class Clock:
    """Wall and processor seconds and memory by stage, in the order in which they began."""

    rows: dict[str, tuple[float, float, float]] = field(default_factory=dict)

    def around(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed; calls are added up."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.rows.setdefault(name, (0.0, 0.0, 0.0))
            wall, processor = time.perf_counter(), time.process_time()
            answer = work(*args, **kwargs)
            before = self.rows[name]
            spent = (time.perf_counter() - wall, time.process_time() - processor)
            self.rows[name] = (before[0] + spent[0], before[1] + spent[1], peak_mb())
            return answer

        return timed


def peak_mb() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def drawn(folder: Path) -> Path:
    """A drawn patient as a NIfTI file."""
    from nodewise.phantom.patient import make_patient

    path = folder / "drawn.nii.gz"
    write_nifti(make_patient(1, (0.75, 0.75, 1.0)).study.ct, path)
    return path


def simpleitk(path: Path) -> None:
    """Read a file or a folder's first series and resample it to 1.5 mm, linearly."""
    import SimpleITK as sitk  # noqa: N813

    if path.is_dir():
        image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path)))
    else:
        image = sitk.ReadImage(str(path))
    size = [round(n * s / 1.5) for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    sitk.Resample(
        image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), (1.5,) * 3, image.GetDirection(), -1000.0
    )


def measure(path: Path) -> None:
    """Read the anatomy of one scan and print what each stage took."""
    clock = Clock()
    for module, names in STAGES.items():
        for name in names:
            setattr(module, name, clock.around(name, getattr(module, name)))
    clock.around("SimpleITK reads and resamples", simpleitk)(path)
    study: Study = clock.around("read_study", read_study)(path)
    whole = clock.around("read_anatomy", read.read_anatomy)
    whole(study)
    print(f"{path.name}: {' x '.join(map(str, study.ct.grid.shape))} voxels")
    for name, (wall, processor, memory) in clock.rows.items():
        print(f"  {name:30s} {wall:7.2f} s  {processor:7.2f} s of the processor  {memory:7.0f} MB")
    wall = clock.rows["read_anatomy"][0]
    print(f"  read_anatomy {wall:.1f} s, target {TARGET_S:.0f} s: {'met' if wall <= TARGET_S else 'missed'}")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scan", type=Path, nargs="?", help="file or folder; a drawn patient where none is given")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    use_threads(asked.threads)
    with tempfile.TemporaryDirectory() as folder:
        measure(asked.scan or drawn(Path(folder)))


if __name__ == "__main__":
    main()
