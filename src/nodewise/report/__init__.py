"""What a person reads: the page, its pictures, the tables, and the folder that holds them."""
