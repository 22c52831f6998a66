//! Rootless containers: user namespaces, overlay mounts and the files of an image as a root file system.
