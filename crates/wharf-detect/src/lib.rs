//! Chooses the group and resolves the build plan by running bin/detect.
