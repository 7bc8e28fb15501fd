//! A machine for pickles that makes data and calls nothing.
//!
//! A pickle is a program for a small stack machine, and Python's own machine imports and calls whatever the program names.
//! This one has no way to do so: a name stays a name, the constructors of tensors and containers are re-implemented in
//! [`super::calls`], and what any other constructor would make is kept as an [`Object`](super::value::Object) without
//! behaviour.

use std::collections::HashMap;

use super::calls;
use super::cursor::{Cursor, text};
use super::malformed;
use super::opcode as op;
use super::value::{Entries, Global, Heap, Node, Value};
use crate::{Error, Result};

/// The most opcodes that are run; the checkpoints of the largest networks with their optimisers have some hundred thousand.
const MOST_OPCODES: usize = 1 << 21;

/// What a pickle has made.
#[derive(Debug)]
pub(super) struct Pickle<'a> {
    pub(super) heap: Heap<'a>,
    pub(super) root: Value<'a>,
    /// How many bytes the pickle has.
    pub(super) length: usize,
}

/// Runs the pickle with which `bytes` begin. Errors say at which byte and opcode of `file` they happened.
pub(super) fn run<'a>(bytes: &'a [u8], file: &str) -> Result<Pickle<'a>> {
    let mut machine = Machine {
        code: Cursor::new(bytes),
        heap: Heap::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    for _ in 0..MOST_OPCODES {
        let at = machine.code.position();
        let place = |opcode| format!("{file}, byte {at} ({})", op::name(opcode).unwrap_or("unknown opcode"));
        let opcode = machine.code.u8().map_err(|error| error.within(format!("{file}, byte {at}")))?;
        if opcode == op::STOP {
            let root = machine.pop().map_err(|error| error.within(place(opcode)))?;
            return Ok(Pickle { heap: machine.heap, root, length: machine.code.position() });
        }
        machine.step(opcode).map_err(|error| error.within(place(opcode)))?;
    }
    Err(Error::limit(format!("{file}: the opcodes of a pickle"), MOST_OPCODES))
}

struct Machine<'a> {
    code: Cursor<'a>,
    heap: Heap<'a>,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at which marks lie.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
}

impl<'a> Machine<'a> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            op::PROTO | op::FRAME => self.header(opcode)?,
            op::MARK => self.marks.push(self.stack.len()),
            op::POP => self.drop_top()?,
            op::POP_MARK => self.marked().map(drop)?,
            op::DUP => self.stack.push(self.top()?),
            op::BINGET | op::LONG_BINGET => self.recall(opcode)?,
            op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => self.memoize(opcode)?,
            op::APPEND | op::APPENDS | op::ADDITEMS => self.append(opcode)?,
            op::SETITEM | op::SETITEMS => self.set_items(opcode)?,
            op::BUILD => self.build()?,
            _ => {
                let value = self.made_by(opcode)?;
                self.stack.push(value);
            }
        }
        Ok(())
    }

    /// The value that an opcode puts on the stack.
    fn made_by(&mut self, opcode: u8) -> Result<Value<'a>> {
        Ok(match opcode {
            op::NONE => Value::None,
            op::NEWTRUE | op::NEWFALSE => Value::Bool(opcode == op::NEWTRUE),
            op::BINFLOAT => Value::Float(f64::from_be_bytes(self.code.array()?)),
            op::BININT => Value::Int(i32::from_le_bytes(self.code.array()?).into()),
            op::BININT1 => Value::Int(self.code.u8()?.into()),
            op::BININT2 => Value::Int(self.code.u16()?.into()),
            op::LONG1 | op::LONG4 => whole(self.counted(opcode)?),
            // Python 2 writes its texts as strings. What is no text names no tensor.
            op::BINUNICODE | op::SHORT_BINUNICODE | op::BINUNICODE8 | op::BINSTRING | op::SHORT_BINSTRING => {
                text(self.counted(opcode)?).map_or(Value::Bytes, Value::Text)
            }
            op::BINBYTES | op::SHORT_BINBYTES | op::BINBYTES8 | op::BYTEARRAY8 => {
                self.counted(opcode).map(|_| Value::Bytes)?
            }
            op::EMPTY_LIST | op::EMPTY_TUPLE | op::EMPTY_SET => self.heap.add(Node::Sequence(Vec::new())),
            op::LIST | op::TUPLE | op::FROZENSET => {
                let items = self.marked()?;
                self.heap.add(Node::Sequence(items))
            }
            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => {
                let items = self.last(usize::from(opcode - op::TUPLE1) + 1)?;
                self.heap.add(Node::Sequence(items))
            }
            op::EMPTY_DICT => self.heap.add(Node::Dict(Vec::new())),
            op::DICT => {
                let entries = pairs(self.marked()?)?;
                self.heap.add(Node::Dict(entries))
            }
            op::GLOBAL => {
                let (module, name) = (self.code.line()?, self.code.line()?);
                self.heap.add(Node::Global(Global { module, name }))
            }
            op::STACK_GLOBAL => match self.last(2)?[..] {
                [Value::Text(module), Value::Text(name)] => {
                    self.heap.add(Node::Global(Global { module, name }))
                }
                _ => return Err(malformed("the name of a class is no text")),
            },
            op::BINPERSID => {
                let id = self.pop()?;
                calls::persistent(&mut self.heap, id)?
            }
            op::REDUCE | op::NEWOBJ | op::NEWOBJ_EX | op::OBJ => self.call(opcode)?,
            _ => {
                let what =
                    format!("opcode 0x{opcode:02x}: protocols 2 to 5 of pickle have those that are known");
                return Err(Error::unsupported(what));
            }
        })
    }

    fn header(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            op::PROTO => match self.code.u8()? {
                2..=5 => Ok(()),
                other => Err(Error::unsupported(format!("protocol {other} of pickle; 2 to 5 are known"))),
            },
            // Frames only group opcodes.
            _ => self.code.size().map(|_| ()),
        }
    }

    /// Bytes that follow their number. How many bytes that number has depends on the opcode.
    fn counted(&mut self, opcode: u8) -> Result<&'a [u8]> {
        let length = match opcode {
            op::LONG1 | op::SHORT_BINUNICODE | op::SHORT_BINSTRING | op::SHORT_BINBYTES => {
                self.code.u8()?.into()
            }
            op::BINUNICODE8 | op::BINBYTES8 | op::BYTEARRAY8 => self.code.size()?,
            _ => self.code.u32()? as usize,
        };
        self.code.take(length)
    }

    fn recall(&mut self, opcode: u8) -> Result<()> {
        let key = if opcode == op::BINGET { self.code.u8()?.into() } else { self.code.u32()? };
        let value =
            self.memo.get(&key).ok_or_else(|| malformed(format!("nothing is remembered as {key}")))?;
        self.stack.push(*value);
        Ok(())
    }

    fn memoize(&mut self, opcode: u8) -> Result<()> {
        let key = match opcode {
            op::BINPUT => self.code.u8()?.into(),
            op::LONG_BINPUT => self.code.u32()?,
            // As many as there are opcodes at most.
            _ => self.memo.len() as u32,
        };
        self.memo.insert(key, self.top()?);
        Ok(())
    }

    fn append(&mut self, opcode: u8) -> Result<()> {
        let items = if opcode == op::APPEND { self.last(1)? } else { self.marked()? };
        let list = self.top()?;
        match self.heap.node_mut(list) {
            Some(Node::Sequence(known)) => known.extend(items),
            Some(Node::Object(object)) => {
                let first = object.entries.len() as i64;
                object.entries.extend((first..).map(Value::Int).zip(items));
            }
            _ => return Err(malformed(format!("it appends to {}", self.heap.kind(list)))),
        }
        Ok(())
    }

    fn set_items(&mut self, opcode: u8) -> Result<()> {
        let entries = pairs(if opcode == op::SETITEM { self.last(2)? } else { self.marked()? })?;
        let dict = self.top()?;
        match self.heap.node_mut(dict) {
            Some(Node::Dict(known)) => known.extend(entries),
            Some(Node::Object(object)) => object.entries.extend(entries),
            _ => return Err(malformed(format!("it sets items of {}", self.heap.kind(dict)))),
        }
        Ok(())
    }

    /// Gives an object its attributes. Those of dicts and tensors (versions, hooks) mean nothing here.
    fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        let object = self.top()?;
        match self.heap.node_mut(object) {
            Some(Node::Object(object)) => object.state = Some(state),
            Some(Node::Dict(_) | Node::Tensor(_) | Node::Sequence(_)) => (),
            _ => return Err(malformed(format!("it sets attributes of {}", self.heap.kind(object)))),
        }
        Ok(())
    }

    fn call(&mut self, opcode: u8) -> Result<Value<'a>> {
        let (callee, arguments) = match opcode {
            op::OBJ => {
                let mut items = self.marked()?;
                if items.is_empty() {
                    return Err(malformed("it makes an object of no class"));
                }
                (items.remove(0), items)
            }
            _ => {
                // Named arguments only come with data beside the weights.
                if opcode == op::NEWOBJ_EX {
                    self.pop()?;
                }
                let (arguments, callee) = (self.pop()?, self.pop()?);
                let arguments = self.heap.sequence(arguments);
                let arguments = arguments.ok_or_else(|| malformed("the arguments of a call are no tuple"))?;
                (callee, arguments.iter().take(calls::MOST_ARGUMENTS).copied().collect())
            }
        };
        match self.heap.global(callee) {
            Some(global) => calls::call(&mut self.heap, global, &arguments),
            // What a method, or a partly applied function, would have made.
            None if matches!(self.heap.node(callee), Some(Node::Object(_))) => {
                Ok(self.heap.add(Node::Object(Box::default())))
            }
            None => Err(malformed(format!("it calls {}", self.heap.kind(callee)))),
        }
    }

    fn top(&self) -> Result<Value<'a>> {
        let base = self.marks.last().copied().unwrap_or(0);
        let top = if self.stack.len() > base { self.stack.last() } else { None };
        top.copied().ok_or_else(|| malformed("it takes a value from an empty stack"))
    }

    fn pop(&mut self) -> Result<Value<'a>> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// Drops a value, or a mark if nothing lies above it.
    fn drop_top(&mut self) -> Result<()> {
        match self.marks.last() {
            Some(mark) if *mark == self.stack.len() => self.unmark().map(|_| ()),
            _ => self.pop().map(|_| ()),
        }
    }

    /// The last `count` values.
    fn last(&mut self, count: usize) -> Result<Vec<Value<'a>>> {
        let base = self.marks.last().copied().unwrap_or(0);
        match self.stack.len().checked_sub(count) {
            Some(start) if start >= base => Ok(self.stack.split_off(start)),
            _ => Err(malformed(format!("it takes {count} values from a stack of fewer"))),
        }
    }

    /// The values above the last mark.
    fn marked(&mut self) -> Result<Vec<Value<'a>>> {
        let mark = self.unmark()?;
        Ok(self.stack.split_off(mark))
    }

    fn unmark(&mut self) -> Result<usize> {
        self.marks.pop().ok_or_else(|| malformed("it looks for a mark that is not there"))
    }
}

fn pairs(items: Vec<Value<'_>>) -> Result<Entries<'_>> {
    let (pairs, odd) = items.as_chunks();
    if !odd.is_empty() {
        return Err(malformed("a key of a dict has no value"));
    }
    Ok(pairs.iter().map(|[key, value]| (*key, *value)).collect())
}

/// A whole number in as few bytes as it needs, little-endian, in two's complement.
fn whole(bytes: &[u8]) -> Value<'_> {
    let sign = if bytes.last().is_some_and(|byte| *byte >= 0x80) { 0xff } else { 0 };
    let mut wide = [sign; 8];
    match wide.get_mut(..bytes.len()) {
        Some(low) => low.copy_from_slice(bytes),
        None => return Value::Long(bytes),
    }
    Value::Int(i64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::whole;
    use crate::formats::pth::value::Value;

    #[test]
    fn whole_numbers_have_signs() {
        for (bytes, number) in [(&[][..], 0), (&[0xff], -1), (&[0xff, 0], 255), (&[0, 0x80], -32768)] {
            assert_eq!(whole(bytes), Value::Int(number), "{bytes:?}");
        }
        assert_eq!(whole(&[1; 9]), Value::Long(&[1; 9]));
    }
}
