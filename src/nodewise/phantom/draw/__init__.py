"""What organs are drawn with: shapes, a brush, and a grid that keeps how much of each voxel they fill."""
