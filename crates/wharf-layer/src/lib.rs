//! A layer as a directory, as metadata and as a reproducible tarball.
