//! Whether the findings let a group pass (buildpack spec, "Phase #1: Detection > Process").
use crate::{
    Trace,
    modules::{Modules, Verdict},
    order::{Member, provider},
    resolve::Element,
};
use wharf_spec::{files::plan::BuildPlanSection, log::Level};

/// A member that passed.
pub(crate) struct Passed<'a> {
    pub member: &'a Member,
    sections: &'a [BuildPlanSection],
}

impl Passed<'_> {
    pub(crate) fn element(&self) -> Element<'_> {
        Element {
            name: self.member.name(),
            provider: provider(self.member.id(), &self.member.version),
            optional: self.member.optional,
            sections: self.sections,
        }
    }
}

pub(crate) enum Judgement<'a> {
    /// The group is out.
    Fails {
        /// Whether a member errored, rather than failed.
        errored: bool,
    },
    /// It passes if the plan can be resolved.
    MayPass(Vec<Passed<'a>>),
}

/// Says what every member did, and decides.
pub(crate) fn judge<'a>(
    group: &'a [Member],
    modules: &'a Modules<'_>,
    trace: &mut Trace,
) -> Judgement<'a> {
    say_outputs(group, modules, trace);
    trace.debug("======== Results ========");
    let mut passed = Vec::new();
    let (mut fails, mut errored) = (false, false);
    for member in group {
        let Some(finding) = modules.finding(member) else {
            continue;
        };
        let name = member.name();
        match &finding.verdict {
            Verdict::Pass(sections) => {
                trace.debug(format!("pass: {name}"));
                passed.push(Passed { member, sections });
                continue;
            }
            Verdict::Fail if member.optional => trace.debug(format!("skip: {name}")),
            Verdict::Fail => trace.debug(format!("fail: {name}")),
            Verdict::Unsupported if member.optional => {
                trace.debug(format!("skip: {name}: {}", finding.error));
            }
            Verdict::Unsupported | Verdict::Error(None) => {
                trace.info(format!("err:  {name}"));
                errored = true;
            }
            Verdict::Error(Some(code)) => {
                trace.info(format!("err:  {name} ({code})"));
                errored = true;
            }
        }
        fails |= !member.optional;
    }
    if !fails && !passed.is_empty() {
        return Judgement::MayPass(passed);
    }
    if !fails {
        trace.debug("fail: no viable buildpacks in group");
    }
    Judgement::Fails { errored }
}

fn say_outputs(group: &[Member], modules: &Modules<'_>, trace: &mut Trace) {
    for member in group {
        let Some(finding) = modules.finding(member) else {
            continue;
        };
        let level = match finding.verdict {
            Verdict::Pass(_) | Verdict::Fail => Level::Debug,
            // The reason for skipping it stands in the results.
            Verdict::Unsupported if member.optional => continue,
            Verdict::Unsupported | Verdict::Error(_) => Level::Info,
        };
        let blocks = [("Output", &finding.output), ("Error", &finding.error)];
        for (title, text) in blocks.into_iter().filter(|(_, text)| !text.is_empty()) {
            trace.push(
                level,
                format!("======== {title}: {} ========", member.name()),
            );
            trace.push(level, text.clone());
        }
    }
}
