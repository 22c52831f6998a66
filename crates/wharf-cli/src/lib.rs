//! The wharf command: build, rebase, inspect, builder.
