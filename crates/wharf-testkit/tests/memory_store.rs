//! The fake itself holds to the contract.
use wharf_testkit::{MemoryStore, store_contract};

#[test]
fn memory_store_fulfils_the_store_contract() {
    let store = MemoryStore::new();
    store_contract(&store, &|name| {
        format!("memory.example/{name}").parse().unwrap()
    });
}
