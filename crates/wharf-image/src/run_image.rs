//! Which run image or mirror a build takes (platform spec, "Run Image Resolution").
use wharf_spec::{files::run::RunImageMetadata, reference::Reference};

/// The best name for `candidate` when the app goes to `registry`: one on that registry that is readable, else the
/// first readable in order (image first). `None` when none is readable.
///
/// The specification leaves open what becomes of an unreadable name on the app's registry; here it is passed over.
/// Names that are no references are passed over, too. `readable` is asked at most once for each name.
pub fn best(
    candidate: &RunImageMetadata,
    registry: &str,
    readable: &mut dyn FnMut(&Reference) -> bool,
) -> Option<String> {
    let names = std::iter::once(&candidate.image).chain(&candidate.mirrors);
    let names = names.filter_map(|name| Some((name, name.parse::<Reference>().ok()?)));
    let (near, far): (Vec<_>, Vec<_>) =
        names.partition(|(_, reference)| reference.registry() == registry);
    near.into_iter()
        .chain(far)
        .find(|(_, reference)| readable(reference))
        .map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate() -> RunImageMetadata {
        RunImageMetadata {
            image: "a.example/run:1".into(),
            mirrors: vec![
                "b.example/run:1".into(),
                "not a reference".into(),
                "c.example/first".into(),
                "c.example/second".into(),
            ],
        }
    }

    fn best_when(registry: &str, unreadable: &[&str]) -> (Option<String>, Vec<String>) {
        let mut asked = Vec::new();
        let best = best(&candidate(), registry, &mut |reference| {
            asked.push(reference.to_string());
            !unreadable.contains(&reference.to_string().as_str())
        });
        (best, asked)
    }

    #[test]
    fn prefers_a_readable_name_on_the_registry_of_the_app() {
        let (best, asked) = best_when("c.example", &["c.example/first"]);
        assert_eq!(best.as_deref(), Some("c.example/second"));
        assert_eq!(asked, ["c.example/first", "c.example/second"]);
    }

    #[test]
    fn passes_over_an_unreadable_name_on_the_registry_of_the_app() {
        let (best, asked) = best_when("b.example", &["b.example/run:1", "a.example/run:1"]);
        assert_eq!(best.as_deref(), Some("c.example/first"));
        assert_eq!(
            asked,
            ["b.example/run:1", "a.example/run:1", "c.example/first"]
        );
    }

    #[test]
    fn takes_the_image_first_when_the_registry_is_another() {
        assert_eq!(
            best_when("z.example", &[]).0.as_deref(),
            Some("a.example/run:1")
        );
    }

    #[test]
    fn finds_none_when_nothing_is_readable() {
        let all = [
            "a.example/run:1",
            "b.example/run:1",
            "c.example/first",
            "c.example/second",
        ];
        assert_eq!(best_when("a.example", &all).0, None);
    }
}
