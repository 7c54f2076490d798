"""A reference chest laid over a patient: by organ masks (P3), or by landmarks alone; both end in a ``Warp``."""
