//! Assembles the app image and the next cache.
