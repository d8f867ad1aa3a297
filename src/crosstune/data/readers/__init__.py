"""One reader for each layout that labelled data comes in."""
