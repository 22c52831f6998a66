//! A test and the API versions it runs on.
use super::Case;
use std::ops::RangeInclusive;

/// The minor number of an API version: all versions so far are `0.<minor>`.
pub type Minor = u8;

/// Every Platform API the suite knows.
pub const PLATFORM_APIS: RangeInclusive<Minor> = 7..=15;
/// Every Buildpack API the suite knows.
pub const BUILDPACK_APIS: RangeInclusive<Minor> = 7..=12;

/// A Platform API with a Buildpack API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair {
    /// Platform API.
    pub platform: Minor,
    /// Buildpack API of the generated buildpacks.
    pub buildpack: Minor,
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "platform 0.{}, buildpack 0.{}",
            self.platform, self.buildpack
        )
    }
}

/// How the two ranges are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// Every Platform API of the range, with the newest Buildpack API of the range.
    Platforms,
    /// Every Buildpack API of the range, with the newest Platform API of the range.
    Buildpacks,
    /// Both of the above.
    Both,
    /// The whole product.
    Pairs,
    /// The newest of both only.
    Newest,
}

/// One test of the suite.
#[derive(Debug, Clone, Copy)]
pub struct Test {
    /// `<module>::<function>`, the module path below `cases`.
    pub name: &'static str,
    /// Identifiers of the requirements that its assertions name.
    pub covers: &'static [&'static str],
    /// The test itself; it fails by panicking, best through the assertions of [`Case`].
    pub run: fn(&Case<'_>),
    over: Over,
    platform: (Minor, Minor),
    buildpack: (Minor, Minor),
}

impl Test {
    /// A test that runs on every Platform API with the newest Buildpack API.
    pub const fn new(
        name: &'static str,
        covers: &'static [&'static str],
        run: fn(&Case<'_>),
    ) -> Self {
        Self {
            name,
            covers,
            run,
            over: Over::Platforms,
            platform: (7, 15),
            buildpack: (7, 12),
        }
    }

    /// Only these Platform APIs, both ends included.
    #[must_use]
    pub const fn platform(mut self, first: Minor, last: Minor) -> Self {
        self.platform = (first, last);
        self
    }

    /// Only these Buildpack APIs, both ends included; alone it does not vary them.
    #[must_use]
    pub const fn buildpack(mut self, first: Minor, last: Minor) -> Self {
        self.buildpack = (first, last);
        self
    }

    /// Runs on every Buildpack API of the range with the newest Platform API of the range.
    #[must_use]
    pub const fn each_buildpack(mut self) -> Self {
        self.over = Over::Buildpacks;
        self
    }

    /// Runs on every Platform API, and on every Buildpack API, the other being the newest of its range.
    #[must_use]
    pub const fn each_of_both(mut self) -> Self {
        self.over = Over::Both;
        self
    }

    /// Runs on every pair of the two ranges.
    #[must_use]
    pub const fn every_pair(mut self) -> Self {
        self.over = Over::Pairs;
        self
    }

    /// Runs once, on the newest of both ranges: for what no API version changes.
    #[must_use]
    pub const fn once(mut self) -> Self {
        self.over = Over::Newest;
        self
    }

    /// The same with its name shortened to what stands below `cases`.
    #[must_use]
    pub fn below_cases(mut self) -> Self {
        self.name = self.name.trim_start_matches("spec_tests::cases::");
        self
    }

    /// The pairs it runs on, oldest first.
    pub fn pairs(&self) -> Vec<Pair> {
        let platforms = || self.platform.0..=self.platform.1;
        let buildpacks = || self.buildpack.0..=self.buildpack.1;
        let newest = Pair {
            platform: self.platform.1,
            buildpack: self.buildpack.1,
        };
        let each_platform = platforms().map(|platform| Pair { platform, ..newest });
        let each_buildpack = buildpacks().map(|buildpack| Pair {
            buildpack,
            ..newest
        });
        let mut pairs: Vec<Pair> = match self.over {
            Over::Platforms => each_platform.collect(),
            Over::Buildpacks => each_buildpack.collect(),
            Over::Both => each_platform.chain(each_buildpack).collect(),
            Over::Pairs => platforms()
                .flat_map(|platform| {
                    buildpacks().map(move |buildpack| Pair {
                        platform,
                        buildpack,
                    })
                })
                .collect(),
            Over::Newest => vec![newest],
        };
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// The phase it belongs to: the first part of its name.
    pub fn phase(&self) -> &'static str {
        self.name.split("::").next().unwrap_or(self.name)
    }

    /// Whether only wharf promises what it asserts.
    pub fn is_our_own(&self) -> bool {
        self.phase() == "wharf"
    }
}

/// A table of tests: `function: ["ID", …] .platform(9, 15) .every_pair();`
///
/// A test's name is its module's path below `cases` and the function's name.
#[macro_export]
macro_rules! tests {
    ($($function:ident : [$($id:literal),* $(,)?] $(. $method:ident ($($arg:expr),*))* ;)*) => {
        /// The tests of this module.
        pub const TESTS: &[$crate::suite::Test] = &[$(
            $crate::suite::Test::new(
                concat!(module_path!(), "::", stringify!($function)),
                &[$($id),*],
                $function,
            )$(.$method($($arg),*))*
        ),*];
    };
}
