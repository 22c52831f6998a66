//! How a layer, the platform and the operator change an environment, for builds and for launch.
