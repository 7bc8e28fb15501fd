//! What the calls of a pickle make. Nothing is called: the constructors of tensors and containers are re-implemented here.
//!
//! Safety does not rest on the list of [`refused`] modules, since nothing outside of the constructors here does anything. A
//! file that calls them is no checkpoint, and who has it should know.

use super::malformed;
use super::tensor::{Element, Storage, View};
use super::value::{Entries, Global, Heap, Node, Value};
use crate::{Error, Result};

/// The most arguments of a call that are looked at.
pub(super) const MOST_ARGUMENTS: usize = 8;

/// The longest list of pairs that becomes a dict, as Python 2 writes ordered ones.
const MOST_PAIRS: usize = 1 << 12;

/// What calling `callee` makes.
pub(super) fn call<'a>(
    heap: &mut Heap<'a>,
    callee: Global<'a>,
    arguments: &[Value<'a>],
) -> Result<Value<'a>> {
    let argument = |index: usize| arguments.get(index).copied().unwrap_or(Value::None);
    Ok(match (callee.module, callee.name) {
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => {
            let view = View::of(heap, arguments, None)?;
            heap.add(Node::Tensor(view.into()))
        }
        // With the type of the numbers, for storages that only have bytes.
        ("torch._utils", "_rebuild_tensor_v3") => {
            let dtype = heap.global(argument(6)).ok_or_else(|| malformed("a tensor names no type"))?;
            let view = View::of(heap, arguments, Some(Element::of_dtype(dtype)?))?;
            heap.add(Node::Tensor(view.into()))
        }
        ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state")
        | ("torch.nn.parameter", "Parameter" | "Buffer") => argument(0),
        // A tensor of a derived class: the function, the class, the function's arguments, the attributes.
        ("torch._tensor", "_rebuild_from_type_v2") => rebuilt(heap, argument(0), argument(2))?,
        ("torch", "Size") | ("builtins" | "__builtin__", "list" | "tuple" | "set" | "frozenset") => {
            match heap.sequence(argument(0)) {
                Some(_) => argument(0),
                None => heap.add(Node::Sequence(Vec::new())),
            }
        }
        ("collections", "OrderedDict" | "defaultdict") | ("builtins" | "__builtin__", "dict") => {
            let entries = pairs(heap, argument(0))?;
            heap.add(Node::Dict(entries))
        }
        _ if refused(callee) => {
            return Err(Error::unsupported(format!(
                "a model that calls {callee}: weights need no such call, and nothing was run"
            )));
        }
        _ => heap.add(Node::Object(Box::default())),
    })
}

/// Calls a rebuilding function on a tuple of arguments, both of which are values. Such calls do not nest.
fn rebuilt<'a>(heap: &mut Heap<'a>, function: Value<'a>, arguments: Value<'a>) -> Result<Value<'a>> {
    let (Some(function), Some(arguments)) = (heap.global(function), heap.sequence(arguments)) else {
        return Err(malformed("a tensor of a derived class is not said to be rebuilt by a function"));
    };
    let arguments: Vec<_> = arguments.iter().take(MOST_ARGUMENTS).copied().collect();
    if function.module != "torch._utils" {
        return Err(Error::unsupported(format!("a tensor that {function} rebuilds")));
    }
    call(heap, function, &arguments)
}

fn pairs<'a>(heap: &Heap<'a>, list: Value<'a>) -> Result<Entries<'a>> {
    let pairs = heap.sequence(list).unwrap_or_default();
    if pairs.len() > MOST_PAIRS {
        return Err(Error::limit("a list of pairs that becomes a dict", MOST_PAIRS));
    }
    let pair = |pair: &Value<'a>| match heap.sequence(*pair)? {
        [key, value] => Some((*key, *value)),
        _ => None,
    };
    let entries: Option<_> = pairs.iter().map(pair).collect();
    entries.ok_or_else(|| malformed("a dict is made of something else than pairs"))
}

/// What a persistent id stands for: a storage, or the class of a module that was saved as a whole.
pub(super) fn persistent<'a>(heap: &mut Heap<'a>, id: Value<'a>) -> Result<Value<'a>> {
    match heap.sequence(id).unwrap_or_default() {
        [Value::Text("module"), class, ..] => Ok(*class),
        // The place (cpu, cuda:0) says where the numbers lay once. Old files end with None, or with which part of a larger
        // storage this is: its name, where it begins, how long it is.
        [Value::Text("storage"), class, key, _place, elements, part @ ..] => {
            let class = heap.global(*class).ok_or_else(|| malformed("the type of a storage is no class"))?;
            let (Value::Text(key), Value::Int(elements)) = (*key, *elements) else {
                return Err(malformed("a storage has no name or no length"));
            };
            let first = match part.first().and_then(|part| heap.sequence(*part)) {
                Some([_, Value::Int(first), ..]) => size(*first)?,
                _ => 0,
            };
            let storage =
                Storage { element: Element::of_storage(class)?, key, elements: size(elements)?, first };
            Ok(heap.add(Node::Storage(storage)))
        }
        _ => Err(malformed("it refers to something outside that is no storage")),
    }
}

/// A number of elements.
pub(super) fn size(number: i64) -> Result<usize> {
    usize::try_from(number).map_err(|_| malformed(format!("a size, a step or a place is {number}")))
}

/// Whether a checkpoint has no reason to call this: what acts on the machine, or runs code that it is given.
fn refused(callee: Global<'_>) -> bool {
    const MODULES: [&str; 33] = [
        "_io",
        "_pickle",
        "_posixsubprocess",
        "asyncio",
        "atexit",
        "bdb",
        "code",
        "codeop",
        "commands",
        "ctypes",
        "http",
        "importlib",
        "io",
        "marshal",
        "multiprocessing",
        "nt",
        "os",
        "pdb",
        "pickle",
        "popen2",
        "posix",
        "pty",
        "requests",
        "runpy",
        "shutil",
        "signal",
        "socket",
        "subprocess",
        "sys",
        "tempfile",
        "urllib",
        "webbrowser",
        "zipimport",
    ];
    const BUILTINS: [&str; 14] = [
        "__import__",
        "apply",
        "breakpoint",
        "compile",
        "delattr",
        "eval",
        "exec",
        "execfile",
        "globals",
        "input",
        "locals",
        "open",
        "setattr",
        "vars",
    ];
    let outermost = callee.module.split('.').next().unwrap_or_default();
    match outermost {
        // In protocol 4 a name may be a path: `os` may hide in it as well as in the module.
        "builtins" | "__builtin__" => callee.name.split('.').any(|part| BUILTINS.contains(&part)),
        "types" => matches!(callee.name, "CodeType" | "FunctionType"),
        _ => MODULES.contains(&outermost),
    }
}
