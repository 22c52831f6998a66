//! What a previous build left for the next one, in a directory or an image.
