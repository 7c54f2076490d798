"""Numbers and names of organs in a phantom's label map.

1 to 117 are the classes of TotalSegmentator's task ``total``, version 2 (Wasserthal et al. 2023), with its numbers.
What it has no class for follows from 128; what only the neck has from 170, what only the abdomen has from 210.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from nodewise.values.organ_names import TOTAL_V2

_OURS = """
heart_myocardium heart_atrium_left heart_ventricle_left heart_atrium_right heart_ventricle_right pericardium
pulmonary_trunk pulmonary_artery_left pulmonary_artery_right azygos_vein ligamentum_arteriosum
main_bronchus_right main_bronchus_left bronchus_intermedius lobar_bronchi thymus tumour
"""

_NECK = """
mandible hyoid thyroid_cartilage cricoid_cartilage epiglottis tongue pharynx larynx internal_carotid_artery_right
internal_carotid_artery_left external_carotid_artery_right external_carotid_artery_left internal_jugular_vein_right
internal_jugular_vein_left external_jugular_vein_right external_jugular_vein_left vertebral_artery_right
vertebral_artery_left parotid_gland_right parotid_gland_left submandibular_gland_right submandibular_gland_left
sternocleidomastoid_right sternocleidomastoid_left trapezius_right trapezius_left anterior_scalene_right
anterior_scalene_left levator_scapulae_right levator_scapulae_left digastric_right digastric_left masseter_right
masseter_left strap_muscles_right strap_muscles_left tonsil_right tonsil_left
"""

_ABDOMEN = """
superior_mesenteric_artery superior_mesenteric_vein inferior_mesenteric_artery coeliac_trunk renal_artery_right
renal_artery_left renal_vein_right renal_vein_left mesenteric_branches rectus_abdominis_right rectus_abdominis_left
quadratus_lumborum_right quadratus_lumborum_left diaphragm ureter_right ureter_left hepatic_veins
"""

NAMES: Mapping[int, str] = MappingProxyType(
    dict(TOTAL_V2)
    | dict(enumerate(_OURS.split(), 128))
    | dict(enumerate(_NECK.split(), 170))
    | dict(enumerate(_ABDOMEN.split(), 210))
)
"""Name of each number."""

ORGANS: Mapping[str, int] = MappingProxyType({name: number for number, name in NAMES.items()})
"""Number of each name."""
