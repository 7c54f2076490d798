"""A CT of a drawing: densities, blur, slices, noise, artefacts, and how scans are stored."""
