"""`make bench`: how long things take, as ratios within one run on one machine. Nothing here is a test."""
