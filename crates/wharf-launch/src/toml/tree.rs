//! Tables as they grow while a document is read, and who may still add to them.
use super::{Fault, Key};
use alloc::{string::String, vec::Vec};

/// How a table came to be; decides who may add to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// `[a]`, an element of `[[a]]`, or the document itself.
    Header,
    /// The `a` of `[a.b]`.
    Implied,
    /// The `a` of `a.b = 1`.
    Dotted,
    /// `{ … }`.
    Inline,
}

/// A table; keys in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    members: Vec<Member>,
    origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    key: String,
    offset: usize,
    value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string of any notation, escapes resolved.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// A number or a time, which the launcher has no use for.
    Scalar,
    /// `[ … ]`.
    List(Vec<Value>),
    /// A table.
    Table(Table),
    /// An array of tables written with `[[ … ]]` headers.
    Tables(Vec<Table>),
}

impl Table {
    pub(super) fn new(origin: Origin) -> Self {
        Self {
            members: Vec::new(),
            origin,
        }
    }

    /// The byte offset of a key and its value.
    pub fn get(&self, key: &str) -> Option<(usize, &Value)> {
        let member = self.members.iter().find(|member| member.key == key)?;
        Some((member.offset, &member.value))
    }

    /// Keys, their byte offsets and values in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = (&str, usize, &Value)> {
        let members = self.members.iter();
        members.map(|member| (member.key.as_str(), member.offset, &member.value))
    }

    /// Adds a member; a key may be used once.
    pub(super) fn insert(&mut self, key: &Key, value: Value) -> Result<(), Fault> {
        if self.get(&key.name).is_some() {
            return Err(twice(key));
        }
        self.members.push(Member {
            key: key.name.clone(),
            offset: key.offset,
            value,
        });
        Ok(())
    }

    /// The table at `path` of a header, made on the way when missing; of an array of tables the last one.
    pub(super) fn walk(&mut self, path: &[Key]) -> Result<&mut Self, Fault> {
        let mut table = self;
        for key in path {
            table = match table.member(key, Origin::Implied) {
                Value::Table(next) if next.origin != Origin::Inline => next,
                Value::Tables(tables) => tables.last_mut().ok_or(twice(key))?,
                _ => return Err(twice(key)),
            };
        }
        Ok(table)
    }

    /// The table at the leading parts of a dotted key; only other dotted keys may have made it.
    pub(super) fn walk_dotted(&mut self, path: &[Key]) -> Result<&mut Self, Fault> {
        let mut table = self;
        for key in path {
            table = match table.member(key, Origin::Dotted) {
                Value::Table(next) if next.origin == Origin::Dotted => next,
                _ => return Err(twice(key)),
            };
        }
        Ok(table)
    }

    /// `[key]`
    pub(super) fn open_table(&mut self, key: &Key) -> Result<(), Fault> {
        match self.member(key, Origin::Implied) {
            Value::Table(table) if table.origin == Origin::Implied => {
                table.origin = Origin::Header;
                Ok(())
            }
            _ => Err(twice(key)),
        }
    }

    /// `[[key]]`
    pub(super) fn open_array_element(&mut self, key: &Key) -> Result<(), Fault> {
        if self.get(&key.name).is_none() {
            self.insert(key, Value::Tables(Vec::new()))?;
        }
        match self.member(key, Origin::Header) {
            Value::Tables(tables) => {
                tables.push(Self::new(Origin::Header));
                Ok(())
            }
            _ => Err(twice(key)),
        }
    }

    /// The value of a key; an empty table when there was none.
    fn member(&mut self, key: &Key, origin: Origin) -> &mut Value {
        let found = self
            .members
            .iter()
            .position(|member| member.key == key.name);
        let index = found.unwrap_or_else(|| {
            let value = Value::Table(Self::new(origin));
            self.members.push(Member {
                key: key.name.clone(),
                offset: key.offset,
                value,
            });
            self.members.len() - 1
        });
        &mut self.members[index].value
    }
}

fn twice(key: &Key) -> Fault {
    Fault {
        offset: key.offset,
        message: "this key is defined twice",
    }
}
