//! Swaps the run image layers under an app image.
