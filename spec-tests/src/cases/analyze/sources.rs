//! An input that a flag and a variable may give.
use crate::{flow::Flow, stage::Outcome, suite::Case};

/// What flag and variable say.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The flag.
    pub flag: &'a str,
    /// The variable.
    pub variable: &'a str,
    /// What the flag says.
    pub by_flag: &'a str,
    /// What the variable says.
    pub by_variable: &'a str,
}

impl<'a> Sources<'a> {
    /// A flag and a variable that say different things: `values` are the variable's and the flag's.
    pub fn new((flag, variable): (&'a str, &'a str), values: [&'a str; 2]) -> Self {
        let [by_variable, by_flag] = values;
        Self {
            flag,
            variable,
            by_flag,
            by_variable,
        }
    }

    /// What `run` sees with nothing said, with the variable, with the flag, and with both. It gets the arguments that
    /// hold the flag.
    pub fn each<'f, T>(
        &self,
        flow: &mut Flow<'f>,
        mut run: impl FnMut(&mut Flow<'f>, &[&str]) -> T,
    ) -> [T; 4] {
        let flag = format!("{}={}", self.flag, self.by_flag);
        flow.stage.unset(self.variable);
        let nothing = run(flow, &[]);
        let flag_alone = run(flow, &[&flag]);
        flow.stage.set(self.variable, self.by_variable);
        let variable = run(flow, &[]);
        let both = run(flow, &[&flag]);
        flow.stage.unset(self.variable);
        [nothing, variable, flag_alone, both]
    }
}

/// Ends the test unless `run` succeeds exactly where the source that counts says `good` or nothing is said, and fails
/// where it says `bad`.
#[track_caller]
pub fn tell_good_from_bad<'f>(
    case: &Case<'_>,
    id: &str,
    flow: &mut Flow<'f>,
    (names, [good, bad]): ((&str, &str), [&str; 2]),
    run: impl Fn(&Flow<'f>, &[&str]) -> Outcome,
) {
    for (values, expected) in [
        ([good, bad], [true, true, false, false]),
        ([bad, good], [true, false, true, true]),
    ] {
        let succeeds = |flow: &mut Flow<'f>, args: &[&str]| run(flow, args).code == 0;
        let seen = Sources::new(names, values).each(flow, succeeds);
        case.equal(id, seen, expected);
    }
}
