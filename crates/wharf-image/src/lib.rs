//! An image as an immutable value, drafts of new images, run image resolution, and the store trait.
