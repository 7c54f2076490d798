"""Organs by TotalSegmentator, where the user has it: run as a process of its own, and its answer kept.

Wasserthal et al., TotalSegmentator: robust segmentation of 104 anatomic structures in CT images, Radiology: Artificial
Intelligence 5(5), 2023, doi:10.1148/ryai.230024. It reports every run over the network unless its settings forbid it:
here it is given a settings folder of ours that does. Its weights are the user's to fetch.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nodewise.anatomy.organs import OrganMap, read_organs
from nodewise.io.itk import write_nifti
from nodewise.values.errors import BadInputError, MissingExtraError
from nodewise.values.volume import Volume

log = logging.getLogger(__name__)

PROGRAM = "TotalSegmentator"
VERTEBRAE = tuple(f"vertebrae_{name}" for name in ("C5", "C6", "C7", *(f"T{n}" for n in range(1, 13)), "L1", "L2"))
RIBS = tuple(f"rib_{side}_{n}" for side in ("left", "right") for n in range(1, 13))
CLASSES = (
    "trachea", "esophagus", "thyroid_gland", "lung_upper_lobe_left", "lung_lower_lobe_left", "lung_upper_lobe_right",
    "lung_middle_lobe_right", "lung_lower_lobe_right", "heart", "aorta", "pulmonary_vein", "brachiocephalic_trunk",
    "subclavian_artery_right", "subclavian_artery_left", "common_carotid_artery_right", "common_carotid_artery_left",
    "brachiocephalic_vein_left", "brachiocephalic_vein_right", "atrial_appendage_left", "superior_vena_cava",
    "inferior_vena_cava", "sternum", "clavicula_left", "clavicula_right", "scapula_left", "scapula_right",
    *VERTEBRAE, *RIBS,
)  # fmt: skip
"""What the stations need, and what P3 registers by (SPEC, section 3, row 4)."""
WEIGHTS = {False: (291, 292, 293, 294, 295, 298), True: (297, 298)}  # data set numbers of the networks; by ``fast``
_DEVICES = {"auto": "gpu", "cuda": "gpu", "cpu": "cpu", "mps": "mps"}  # of these gpu falls back on the processor


@dataclass(frozen=True, slots=True)
class TotalSegmentator:
    """How to run it.

    Attributes:
        environment: of its process, such as ours: what it needs is added.
        fast: its network of 3 mm voxels, not 1.5 mm.
        device: as ``nodewise.learn.device`` names it.
        cache: folder in which answers are kept by the hash of the CT's voxels and place; None keeps none.
        weights: folder of its networks; its own default where None.
    """

    environment: Mapping[str, str]
    fast: bool = False
    device: str = "auto"
    cache: Path | None = None
    weights: Path | None = None

    def __call__(self, ct: Volume) -> OrganMap:
        """The organs of a CT in HU, on its own grid.

        Raises:
            MissingExtraError: it is not installed.
            BadInputError: its weights are missing, or it failed.
        """
        kept = None if self.cache is None else self.cache / "organs" / f"{self._digest(ct)}.nii.gz"
        if kept is not None and kept.is_file():
            return read_organs(kept, source=PROGRAM)
        program = _program(self.environment)
        self._check_weights()
        with tempfile.TemporaryDirectory(prefix="nodewise-organs-") as name:
            found = self._run(program, ct, Path(name))
            organs = read_organs(found, source=PROGRAM)
            if kept is not None:
                _keep(found, kept)
        return organs

    def _digest(self, ct: Volume) -> str:
        asked = repr((PROGRAM, 2, self.fast, CLASSES, ct.grid.shape, ct.grid.affine.tolist()))
        digest = hashlib.sha256(asked.encode())
        for plane in ct.array.T:
            digest.update(plane.tobytes())
        return digest.hexdigest()

    @property
    def _networks(self) -> Path:
        return self.weights or Path.home() / ".totalsegmentator" / "nnunet" / "results"

    def _check_weights(self) -> None:
        missing = [str(n) for n in WEIGHTS[self.fast] if not any(self._networks.glob(f"Dataset{n}_*"))]
        if missing:
            task = "total_fast" if self.fast else "total"
            raise BadInputError(
                f"TotalSegmentator's weights are missing in {self._networks} (networks {', '.join(missing)}): "
                f"run totalseg_download_weights -t {task} where there is a network, or give --organs FILE"
            )

    def _run(self, program: str, ct: Volume, folder: Path) -> Path:
        settings, scan, out = folder / "settings", folder / "ct.nii.gz", folder / "organs.nii.gz"
        settings.mkdir()
        told = {"totalseg_id": "nodewise", "send_usage_stats": False, "prediction_counter": 0}
        (settings / "config.json").write_text(json.dumps(told), encoding="utf-8")
        write_nifti(ct, scan)
        command = [program, "-i", str(scan), "-o", str(out), "--ml", "--task", "total", "--nr_thr_saving", "1"]
        command += ["--device", self._device(), *(["--fast"] if self.fast else []), "--roi_subset", *CLASSES]
        where = {"TOTALSEG_HOME_DIR": str(settings), "TOTALSEG_WEIGHTS_PATH": str(self._networks)}
        log.info("TotalSegmentator runs: minutes on a graphics card, far longer without one")
        done = subprocess.run(  # noqa: S603  # the program by its full path, the arguments by us
            command, env={**self.environment, **where}, capture_output=True, text=True, check=False
        )
        log.debug("TotalSegmentator: %s %s", done.stdout, done.stderr)
        if done.returncode or not out.is_file():
            lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
            why = lines[-1] if lines else f"exit code {done.returncode}"
            raise BadInputError(f"TotalSegmentator failed ({why}): run it by hand and give its result by --organs FILE")
        return out

    def _device(self) -> str:
        kind, _, number = self.device.partition(":")
        return f"gpu:{number}" if kind == "cuda" and number else _DEVICES.get(kind, "cpu")


def _program(environment: Mapping[str, str]) -> str:
    """The program on the path, or beside this Python's own."""
    found = shutil.which(PROGRAM, path=environment.get("PATH", "")) or shutil.which(
        PROGRAM, path=str(Path(sys.executable).parent)
    )
    if found is None:
        raise MissingExtraError(
            "TotalSegmentator is not installed: pip install 'nodewise[organs]', or give --organs FILE"
        )
    return found


def _keep(found: Path, kept: Path) -> None:
    """Put an answer into the cache; two processes may do so at once, and a full disk is no reason to fail."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as aside:
            part = Path(aside) / kept.name
            shutil.copyfile(found, part)
            part.replace(kept)
    except OSError as error:
        log.warning("TotalSegmentator's answer is not kept: %s", error)
