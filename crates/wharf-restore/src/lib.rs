//! Puts back the layers and metadata that the rules allow.
