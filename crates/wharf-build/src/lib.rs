//! Runs bin/build of the group and collects the result.
