//! Every operation under every fault: it ends with the right bytes, or in the right error after few requests, and nothing
//! is left half-written.
mod cell;
mod plan;
mod table;

use cell::Cell;
use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
    thread,
};
use table::{End, Often, STEPS, Step, What};

/// Cells at a time; most of them wait.
const AT_ONCE: usize = 8;
fn play(step: Step, what: What, often: Often, expected: End) {
    let cell = Cell::new(step, what, often);
    let ended = cell.run();
    let requests = cell.proxy.take().requests;
    let came = requests.iter().filter(|request| {
        let (method, target) = request.split_once(' ').unwrap_or_default();
        step.is(method, target)
    });
    let (wanted, most) = match expected {
        End::Succeeds(most) => (Ok(()), most),
        End::Fails(kind, most) => (Err(kind.to_owned()), most),
    };
    assert_eq!(ended, wanted, "{requests:#?}");
    let came = came.count();
    assert!(
        (1..=most).contains(&came),
        "{came} of {most}: {requests:#?}"
    );
    cell.check(what, &ended);
}

#[test]
fn every_operation_under_every_fault_ends_well_or_says_why() {
    let mut cells = VecDeque::new();
    for step in STEPS {
        for what in table::faults() {
            for often in [Often::Once, Often::Always] {
                if let Some(expected) = table::end(step, what, often) {
                    cells.push_back((step, what, often, expected));
                }
            }
        }
    }
    assert!(cells.len() > 200, "{}", cells.len());
    let cells = Mutex::new(cells);
    let broken = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = cells.lock().expect("lock").pop_front();
                    let Some((step, what, often, expected)) = next else {
                        return;
                    };
                    let played = AssertUnwindSafe(|| play(step, what, often, expected));
                    if catch_unwind(played).is_err() {
                        let name = format!("{step:?}, {what:?}, {often:?}");
                        broken.lock().expect("lock").push(name);
                    }
                }
            });
        }
    });
    assert_eq!(*broken.lock().expect("lock"), [""; 0]);
}
