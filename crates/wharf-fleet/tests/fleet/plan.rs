//! Plans.
use crate::support::{HOST, plan, world};
use std::collections::BTreeMap;
use wharf_fleet::{
    Candidate, Content, Facts, ListError, NewBase, Pattern, Plan, PlanError, PlanOptions, Policy,
    Source, Verdict,
    candidate::Quota,
    plan::{Order, OrderBy, html, make, table},
    verdict::{OldBase, OldBases},
};
use wharf_image::Image;
use wharf_spec::{digest::Digest, reference::Reference};
use wharf_testkit::{MemoryStore, fleet::Kind};

#[test]
fn every_image_has_a_verdict_with_a_reason() {
    let world = world(1, 11, &Kind::ALL);
    let verdicts: Vec<(Verdict, String, String)> = world
        .plan
        .images
        .iter()
        .map(|image| (image.verdict, image.repository.clone(), image.why.clone()))
        .collect();
    let of = |at: usize| {
        let kind = Kind::ALL[at];
        let repository = format!("{HOST}/team-{}/app-{at}", at % 3);
        let found = verdicts.iter().find(|(_, name, _)| *name == repository);
        let (verdict, _, why) = found.unwrap();
        (kind, *verdict, why.as_str())
    };
    for at in 0..6 {
        let (kind, verdict, why) = of(at);
        assert_eq!(verdict, Verdict::Rebase, "{kind:?}");
        assert!(why.contains("1 of 2 base layers are new to it"), "{why}");
    }
    assert_eq!(of(6).1, Verdict::Rebuild);
    assert!(
        of(6)
            .2
            .contains("distribution version '12' but the app image has '11'")
            || of(6).2.contains("incompatible stack"),
        "{}",
        of(6).2
    );
    assert_eq!(
        of(7),
        (
            Kind::NotRebasable,
            Verdict::Rebuild,
            "app image is not marked as rebasable"
        )
    );
    assert_eq!(
        of(8),
        (
            Kind::Foreign,
            Verdict::Foreign,
            "no lifecycle made it: it has no metadata"
        )
    );
    assert_eq!(
        of(9),
        (Kind::Current, Verdict::Current, "it stands on the new base")
    );
    assert_eq!(of(10).1, Verdict::Rebuild);
    assert!(of(10).2.starts_with("its metadata: the label is malformed"));
    let expected = [
        (Verdict::Rebase, 6),
        (Verdict::Current, 1),
        (Verdict::Rebuild, 3),
        (Verdict::Foreign, 1),
    ];
    assert_eq!(world.plan.totals.verdicts, BTreeMap::from(expected));
    assert_eq!(world.plan.totals.copy_bytes, 0);
    assert_eq!(world.plan.totals.tags, 10 + 40);
}

#[test]
fn the_same_state_gives_the_same_plan_and_it_survives_its_file() {
    let world = world(2, 22, &Kind::ALL);
    let again = plan(
        &world.store,
        &world.fleet,
        &world.base,
        &PlanOptions::default(),
    );
    let text = world.plan.to_json().unwrap();
    assert_eq!(again.to_json().unwrap(), text);
    assert_eq!(Plan::parse(&text, false).unwrap(), world.plan);
    // One line per image, so that it can be compared and cut.
    let lines = text.lines().filter(|line| line.contains("\"repository\":"));
    assert_eq!(lines.count(), 22);
}

#[test]
fn an_edited_plan_is_refused_unless_that_is_said() {
    let world = world(3, 5, &[Kind::Plain]);
    let text = world.plan.to_json().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let at = lines
        .iter()
        .position(|line| line.contains("app-3"))
        .unwrap();
    let cut = [&lines[..at], &lines[at + 1..]].concat().join("\n");
    let error = Plan::parse(&cut, false).unwrap_err();
    assert!(matches!(error, PlanError::Edited { .. }), "{error}");
    let taken = Plan::parse(&cut, true).unwrap();
    assert_eq!(taken.images.len(), 4);
    assert_ne!(taken.digest, world.plan.digest);
    let twice = text.replacen("team-0/app-3", "team-1/app-4", 1).replace(
        &world.fleet.members[3].digest.to_string(),
        &world.fleet.members[4].digest.to_string(),
    );
    let error = Plan::parse(&twice, true).unwrap_err();
    assert!(matches!(error, PlanError::Twice(_)), "{error}");
    let odd = text.replacen("/app-3", "/App 3", 1);
    let error = Plan::parse(&odd, true).unwrap_err();
    assert!(matches!(error, PlanError::Reference { .. }), "{error}");
}

#[test]
fn plans_of_other_versions_and_other_files_are_told_apart() {
    let text = world(4, 1, &[Kind::Plain]).plan.to_json().unwrap();
    let older = text.replacen("\"version\": 1", "\"version\": 0", 1);
    assert_eq!(
        Plan::parse(&older, true).unwrap_err().to_string(),
        "it is a plan of version 0, this is for version 1; make it again with 'wharf rebase plan'"
    );
    let error = Plan::parse("{}", false).unwrap_err().to_string();
    assert_eq!(error, "it is not a plan: its schema is ''");
    assert!(matches!(
        Plan::parse("<html>", false),
        Err(PlanError::Json(_))
    ));
    let unknown = text.replacen("\"from\"", "\"form\"", 1);
    assert!(matches!(
        Plan::parse(&unknown, true),
        Err(PlanError::Json(_))
    ));
}

#[test]
fn the_order_is_that_of_patterns_then_times_then_names() {
    let world = world(5, 6, &[Kind::Plain]);
    let options = PlanOptions {
        order: Order {
            first: vec![Pattern::new("**/app-4"), Pattern::new("r.example/team-2/*")],
            by: OrderBy::Name,
        },
        ..PlanOptions::default()
    };
    let plan = plan(&world.store, &world.fleet, &world.base, &options);
    let names: Vec<&str> = plan
        .images
        .iter()
        .map(|image| image.repository.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(
        names,
        ["app-4", "app-2", "app-5", "app-0", "app-3", "app-1"]
    );
}

#[test]
fn only_bases_that_were_asked_for_are_replaced() {
    let world = world(6, 3, &[Kind::Plain, Kind::Docker, Kind::Current]);
    let source = crate::support::Listed(&world.store, &world.fleet);
    let old = |images: &[Image]| OldBases {
        known: vec![OldBase {
            reference: format!("{HOST}/base/other:1").parse().unwrap(),
            digests: images.iter().map(Image::digest).collect(),
            top_layers: images.iter().filter_map(Image::top_layer).collect(),
            layers: Vec::new(),
        }],
    };
    let options = PlanOptions::default();
    let plan = make(
        &[&source],
        &world.base,
        &old(&world.fleet.new),
        &Policy::default(),
        &options,
    );
    let counts = plan.unwrap().totals.verdicts;
    let expected = [(Verdict::Current, 1), (Verdict::OtherBase, 2)];
    assert_eq!(counts, BTreeMap::from(expected));
}

/// A fleet whose projects have little room.
struct Full<'a>(crate::support::Listed<'a>);

impl Source for Full<'_> {
    fn list(&self, each: &mut dyn FnMut(Candidate)) -> Result<(), ListError> {
        self.0.list(each)?;
        each(Candidate {
            repository: format!("{HOST}/team-9/gone"),
            digest: None,
            tags: vec!["v1".into()],
            content: Content::Unreadable {
                why: "access is denied; ask the owner".into(),
            },
            pushed: None,
            pulled: None,
        });
        Ok(())
    }

    fn quota(&self, project: &str) -> Option<Quota> {
        Some(Quota {
            used: 1000,
            limit: project.ends_with('1').then_some(1001),
        })
    }
}

#[test]
fn quotas_policies_and_what_cannot_be_read_show_in_every_form() {
    let world = world(7, 4, &[Kind::Plain]);
    let source = Full(crate::support::Listed(&world.store, &world.fleet));
    let policy =
        "[[projects]]\nname = \"r.example/team-0\"\n[[projects]]\nname = \"r.example/team-1\"\n";
    let plan = make(
        &[&source],
        &world.base,
        &OldBases::default(),
        &Policy::parse(policy).unwrap(),
        &PlanOptions::default(),
    )
    .unwrap();
    let expected = [
        (Verdict::Rebase, 3),
        (Verdict::Forbidden, 1),
        (Verdict::Unreadable, 1),
    ];
    assert_eq!(plan.totals.verdicts, BTreeMap::from(expected));
    let full: Vec<&str> = plan
        .projects
        .iter()
        .filter(|project| !project.fits)
        .map(|project| project.name.as_str())
        .collect();
    assert_eq!(full, ["r.example/team-1"]);
    let text = table::table(&plan, 10);
    let needs = table::bytes(plan.projects[1].needs_bytes);
    for line in [
        format!("Quota      r.example/team-1 needs {needs} but has 1 B of 1001 B left"),
        "forbidden   r.example/team-2/app-2:latest  the policy does not allow changes in r.example/team-2".into(),
        "unreadable  r.example/team-9/gone:v1  access is denied; ask the owner".into(),
    ] {
        assert!(text.contains(&line), "{text}");
    }
    let page = html::page(&plan);
    for text in [
        "access is denied; ask the owner",
        "too little",
        "team-2/app-2",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn a_page_needs_nothing_else_and_cannot_be_broken_by_an_image() {
    let mut plan = world(8, 1, &[Kind::Plain]).plan;
    plan.images[0].why = "</td><script>alert(1)</script> & \"'".into();
    let page = html::page(&plan);
    assert!(!page.contains("<script>alert"));
    assert!(page.contains("&lt;/td&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;&#39;"));
    for outside in ["http://", "https://", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_policy_refuses_the_whole_plan_for_a_base_it_does_not_know() {
    let world = world(9, 1, &[Kind::Plain]);
    let source = crate::support::Listed(&world.store, &world.fleet);
    let policy = Policy::parse("[[run-images]]\nname = \"r.example/base/run:1\"\n").unwrap();
    let options = PlanOptions::default();
    let plan = make(
        &[&source],
        &world.base,
        &OldBases::default(),
        &policy,
        &options,
    );
    assert!(matches!(plan, Err(PlanError::Forbidden(_))), "{plan:?}");
}

/// One app, as a listing tells of it.
struct One(Facts);

impl Source for One {
    fn list(&self, each: &mut dyn FnMut(Candidate)) -> Result<(), ListError> {
        each(Candidate {
            repository: format!("{HOST}/team/app"),
            digest: Some(Digest::from_bytes([7; 32])),
            tags: vec!["v1".into()],
            content: Content::Image(self.0.clone()),
            pushed: None,
            pulled: None,
        });
        Ok(())
    }
}

#[test]
fn a_fix_below_an_unchanged_uppermost_layer_is_seen() {
    let store = MemoryStore::new();
    let tag = |text: &str| -> Reference { format!("{HOST}/{text}").parse().unwrap() };
    let run = |version: &str| {
        wharf_testkit::fleet::base(version, "amd64").layer(&[("/top", b"the same", 0o644)])
    };
    let old = run("1").push(&store, &[&tag("base/run:1")]);
    let new = run("2").push(&store, &[&tag("base/run:2")]);
    assert_eq!(old.top_layer(), new.top_layer());
    let verdict = |reference: &str, layers: bool| {
        let metadata = format!(
            r#"{{"runImage":{{"topLayer":"{}","reference":"{reference}","image":"{HOST}/base/run:1"}}}}"#,
            old.top_layer().unwrap()
        );
        let app = run("1").label("io.buildpacks.lifecycle.metadata", &metadata);
        let mut facts = Facts::of(&app.env("CNB_PLATFORM_API", "0.13").build().image);
        if !layers {
            facts.layers = None;
        }
        let base = NewBase::read(&tag("base/run:2"), &store).unwrap().unwrap();
        let options = PlanOptions::default();
        let from = OldBases::default();
        let plan = make(&[&One(facts)], &base, &from, &Policy::default(), &options);
        plan.unwrap().images[0].verdict
    };
    let on = |image: &Image| format!("{HOST}/base/run@{}", image.digest());
    assert_eq!(verdict(&on(&old), false), Verdict::Rebase);
    assert_eq!(verdict(&on(&old), true), Verdict::Rebase);
    assert_eq!(verdict(&on(&new), false), Verdict::Current);
    assert_eq!(verdict("no reference", false), Verdict::Rebase);
}
