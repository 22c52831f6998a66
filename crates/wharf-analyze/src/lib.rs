//! Finds the previous image and the run image, and describes them.
