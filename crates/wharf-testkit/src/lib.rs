//! Strict fakes, image recipes and a token issuer for tests.
