//! An image store over the OCI distribution protocol, with authentication.
