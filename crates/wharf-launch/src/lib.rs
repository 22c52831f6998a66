//! Works out the process and its environment, then becomes it.
