//! An image store over an OCI image layout directory.
