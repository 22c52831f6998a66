//! The phases as executables: flags, inputs, privileges, wiring, handoff files, console and exit codes.
