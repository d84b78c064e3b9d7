"""Small generators of hostile files, one for each rule of the door. Nothing here is stored as a file."""
