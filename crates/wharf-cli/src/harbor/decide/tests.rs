use super::*;

fn digest(name: u8) -> Digest {
    Digest::from_bytes([name; 32])
}

/// Pushed on day `name` of the month.
fn item(name: u8, tags: &[&str]) -> Item {
    Item {
        repository: "app".to_owned(),
        digest: Some(digest(name)),
        tags: tags.iter().map(ToString::to_string).collect(),
        pushed: format!("2026-11-{name:02}T10:00:00.123Z"),
        blobs: Some(Vec::new()),
        ..Item::default()
    }
}

fn keep(count: usize) -> Rules {
    Rules {
        keep: count,
        ..Rules::default()
    }
}

fn going(items: &[Item], rules: &Rules) -> Vec<u8> {
    let fates = decide(items, rules);
    let numbers = (1..).zip(&fates);
    numbers
        .filter(|(_, fate)| fate.goes())
        .map(|(number, _)| number)
        .collect()
}

#[test]
fn the_newest_stay_and_so_does_whatever_has_a_tag() {
    let items = [
        item(1, &["v1"]),
        item(2, &[]),
        item(3, &[]),
        item(4, &[]),
        item(5, &["latest"]),
    ];
    assert_eq!(going(&items, &keep(1)), [2, 3, 4]);
    assert_eq!(going(&items, &keep(2)), [2, 3]);
    assert_eq!(going(&items, &keep(0)), [2, 3, 4]);
    let rules = Rules {
        keep_tags: vec![Pattern::new("lat*")],
        ..keep(1)
    };
    assert_eq!(going(&items, &rules), [2, 3], "latest does not count");
    assert_eq!(
        decide(&items, &keep(1))[0],
        Fate::Stays("tag v1".to_owned())
    );
}

#[test]
fn what_is_in_use_named_young_unread_or_elsewhere_stays() {
    let mut items = vec![
        item(1, &[]),
        item(2, &[]),
        item(3, &[]),
        item(4, &[]),
        item(5, &[]),
    ];
    items[3].blobs = None;
    items[4].repository = "other".to_owned();
    let rules = Rules {
        repository: Some("app".to_owned()),
        in_use: HashSet::from([digest(1)]),
        keep_digests: HashSet::from([digest(2)]),
        ..keep(0)
    };
    assert_eq!(going(&items, &rules), [3]);
    let rules = Rules {
        before: Some("2026-11-03T10:00:00Z".to_owned()),
        ..keep(0)
    };
    assert_eq!(going(&items, &rules), [1, 2], "to the second, and no later");
}

#[test]
fn entries_of_an_index_stay_and_go_with_it() {
    let mut index = item(3, &["latest"]);
    index.children = vec![digest(1), digest(2)];
    let items = [item(1, &[]), item(2, &[]), index.clone()];
    assert_eq!(going(&items, &keep(0)), [0_u8; 0]);
    assert_eq!(
        decide(&items, &keep(0))[0],
        Fate::Stays(format!("entry of {}", digest(3)))
    );
    index.tags.clear();
    let items = [item(1, &[]), item(2, &["arm"]), index];
    assert_eq!(going(&items, &keep(0)), [1, 3]);
    assert_eq!(decide(&items, &keep(0))[0], Fate::GoesWith(digest(3)));
}

#[test]
fn an_entry_that_runs_holds_its_index_since_deleting_that_takes_it_along() {
    let mut index = item(3, &[]);
    index.children = vec![digest(1), digest(2)];
    let rules = Rules {
        in_use: HashSet::from([digest(1)]),
        ..keep(0)
    };
    let items = [item(1, &[]), item(2, &[]), index.clone()];
    assert_eq!(going(&items, &rules), [0_u8; 0]);
    assert_eq!(
        decide(&items, &rules)[2],
        Fate::Stays(format!("its entry {} stays", digest(1)))
    );
    // With a tag it outlives the index.
    let items = [item(1, &["arm"]), item(2, &[]), index.clone()];
    assert_eq!(going(&items, &rules), [2, 3]);
    // What stays for another index does not hold this one.
    let mut kept = item(4, &["latest"]);
    kept.children = vec![digest(1)];
    let items = [item(1, &[]), item(2, &[]), index, kept];
    assert_eq!(going(&items, &keep(0)), [2, 3]);
}

#[test]
fn what_refers_to_a_kept_image_stays_and_a_kept_referrer_holds_its_subject() {
    let mut kept = item(1, &["latest"]);
    kept.accessories = vec![digest(2)];
    let mut signature = item(2, &[]);
    signature.subject = Some(digest(1));
    signature.is_part = true;
    let mut old = item(3, &[]);
    old.accessories = vec![digest(4)];
    let mut sbom = item(4, &[]);
    sbom.subject = Some(digest(3));
    sbom.is_part = true;
    let items = [kept, signature, old, sbom];
    assert_eq!(going(&items, &keep(0)), [3, 4]);
    let rules = Rules {
        in_use: HashSet::from([digest(4)]),
        ..keep(0)
    };
    assert_eq!(going(&items, &rules), [0_u8; 0]);
}
