//! PyTorch's files: the same weights in every way in which checkpoints are saved, and what is refused.

use amplio_models::formats::pth;
use amplio_models::{Limits, Model};
use amplio_testkit::golden::cases;
use amplio_testkit::random::Random;

#[test]
fn every_way_to_save_weights_gives_the_same_network() {
    for case in cases("pth") {
        let load = |name| Model::load(&case.file(name)).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let (found, expected) = (load("model.pth"), load("weights.safetensors"));
        assert_eq!(found.info().architecture, case.expect["architecture"].as_str(), "{}", case.name);
        assert_eq!(found.info().scale as f64, case.number("scale"), "{}", case.name);
        let [found, expected] = [&found, &expected].map(|model| model.weights().expect("weights"));
        assert!(found.paths().eq(expected.paths()), "{}", case.name);
        for ((path, found), (_, expected)) in found.iter().zip(expected.iter()) {
            assert_eq!(found, expected, "{}: {path}", case.name);
        }
    }
}

#[test]
fn what_is_said_beside_the_weights_is_kept() {
    let case = cases("pth").into_iter().find(|case| case.name.ends_with("/licensed")).expect("a case");
    let model = Model::load(&case.file("model.pth")).expect("loads");
    assert_eq!(model.info().licence.as_deref(), Some("CC0-1.0"));
    let weights = model.weights().expect("weights");
    let said: Vec<_> = weights.metadata().iter().map(|(name, note)| (name.as_str(), note.as_str())).collect();
    assert_eq!(said, [("iter", "5000"), ("license", "CC0-1.0"), ("loss", "0.25"), ("pro", "true")]);
}

fn files() -> Vec<(String, Vec<u8>)> {
    let read = |name: &std::path::Path| std::fs::read(name).expect("a file");
    cases("pth").into_iter().map(|case| (case.name.clone(), read(&case.file("model.pth")))).collect()
}

fn read(bytes: &[u8]) -> Result<amplio_models::Weights, amplio_models::Error> {
    pth::read(bytes, &Limits::default())
}

#[test]
fn cut_off_files_are_errors() {
    for (name, bytes) in files() {
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "{name}: {end} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    for (name, bytes) in files() {
        let mut random = Random::new(1);
        for _ in 0..400 {
            let mut copy = bytes.clone();
            for _ in 0..1 + random.below(4) {
                let at = random.below(copy.len());
                match random.below(4) {
                    0 => copy[at] = random.bits() as u8,
                    1 => copy[at] ^= 1 << random.below(8),
                    2 => copy.insert(at, random.pick(b"(.012NJKMX]}tuRbcq\x80\x81\x85\xff\0")),
                    _ => {
                        copy.remove(at);
                    }
                }
            }
            let _ = Model::from_bytes(&name, &copy);
        }
    }
}

/// A pickle that is written by hand, in a file of the old container without storages.
fn with_object(object: &[u8]) -> Vec<u8> {
    let magic = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
    [&magic[..], b"\x80\x02M\xe9\x03.", b"\x80\x02}.", object, b"\x80\x02]."].concat()
}

/// The same, with one storage `s` of these bytes, of single precision.
fn with_storage(object: &[u8], bytes: &[u8]) -> Vec<u8> {
    let mut file = with_object(object);
    file.pop();
    file.extend(b"X\x01\0\0\0sa.");
    file.extend((bytes.len() as u64 / 4).to_le_bytes());
    file.extend(bytes);
    file
}

/// `{"a": tensor}`, where the tensor has these arguments after the storage.
fn tensor_of(elements: u8, arguments: &[u8]) -> Vec<u8> {
    let storage =
        [b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0sX\x03\0\0\0cpuK", &[elements][..], b"tQ"]
            .concat();
    [b"\x80\x02}X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n(", &storage[..], arguments, b"tRs."].concat()
}

fn refusal(what: &str, file: &[u8]) -> String {
    match read(file) {
        Ok(weights) => panic!("{what}: read as {:?}", weights.paths().collect::<Vec<_>>()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_acts_on_the_machine_is_refused_by_name() {
    let call = |module: &str, name: &str, arguments: &[u8]| {
        [b"\x80\x02c", module.as_bytes(), b"\n", name.as_bytes(), b"\n", arguments, b"."].concat()
    };
    let text = b"X\x04\0\0\0true";
    let one = [&text[..], b"\x85R"].concat();
    for (module, name, arguments) in [
        ("os", "system", &one[..]),
        ("posix", "system", &one),
        ("nt", "system", &one),
        ("subprocess", "Popen", &one),
        ("builtins", "eval", &one),
        ("__builtin__", "exec", &one),
        ("builtins", "__import__", &one),
        ("runpy", "_run_code", &one),
        ("os.path", "os.system", &one),
        ("types", "CodeType", b")R"),
        ("os", "system", b")\x81"),
        ("os", "system", b")}\x92"),
        ("pickle", "loads", &one),
        ("importlib", "import_module", &one),
        ("webbrowser", "open", &one),
    ] {
        let error = refusal(name, &with_object(&call(module, name, arguments)));
        assert!(error.contains(&format!("calls {module}.{name}")) && error.contains("byte"), "{error}");
    }
    // By an object's opcode, by a name that is built on the stack, and out of sight: dropped beside sound weights.
    let object = [b"\x80\x02(cos\nsystem\n", &text[..], b"o."].concat();
    let stacked = [b"\x80\x04\x8c\x02os\x8c\x06system\x93", &one[..], b"."].concat();
    let hidden = [b"\x80\x02cos\nsystem\n", &one[..], b"0}."].concat();
    let wrapped = b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nN)NtR.".to_vec();
    for file in [object, stacked, hidden, wrapped] {
        let error = refusal("hidden", &with_object(&file));
        assert!(error.contains("os.system"), "{error}");
    }
}

#[test]
fn programs_that_never_end_or_grow_are_errors() {
    let repeated = |opcodes: &[u8], count: usize| opcodes.repeat(count);
    let program = |body: &[u8]| [b"\x80\x02", body, b"."].concat();
    // Each list holds the one before it ten times.
    let laughs: Vec<_> =
        (0..60).flat_map(|i| [b"q", &[i][..], b"0](", &[b'h', i].repeat(10), b"e"].concat()).collect();
    // Dicts within dicts under long names, each twice.
    let tensor = tensor_of(1, b"K\0K\x01\x85K\x01\x85");
    let tensor = &tensor[2..tensor.len() - 1];
    let doubled: Vec<_> = (0..40)
        .flat_map(|i| [b"q", &[i][..], b"0}(X\x01\0\0\0ah", &[i], b"X\x01\0\0\0bh", &[i], b"u"].concat())
        .collect();
    for (what, word, body) in [
        ("opcodes", "limit", repeated(b"N0", 1 << 20)),
        ("deep lists", "values within values", [repeated(b"]", 100_000), repeated(b"a", 99_999)].concat()),
        ("deep tuples", "values within values", [b")".to_vec(), repeated(b"\x85", 100_000)].concat()),
        ("marks", "empty stack", repeated(b"(", 1 << 20)),
        ("billion laughs", "limit", [b"]".to_vec(), laughs].concat()),
        ("a tensor at the end of many ways", "limit", [tensor.to_vec(), doubled].concat()),
        ("a text of 4 GiB", "cut off", b"X\xff\xff\xff\xff".to_vec()),
        ("a text of 16 EiB", "cut off", b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
        ("a number of 2 GiB", "cut off", b"\x8b\xff\xff\xff\x7f".to_vec()),
        ("a far place of the memo", "without tensors", b"Nr\xff\xff\xff\xff".to_vec()),
        ("nothing remembered", "remembered as 7", b"h\x07".to_vec()),
        ("an empty stack", "empty stack", b"00".to_vec()),
        ("below a mark", "TUPLE1", b"N(\x85".to_vec()),
        ("no mark", "mark", b"Nt".to_vec()),
        ("a key without a value", "no value", b"}(Nu".to_vec()),
        ("an unknown opcode", "opcode 0xff", b"\xff".to_vec()),
        ("protocol 0", "opcode 0x49", b"I01\n".to_vec()),
        ("an extension", "opcode 0x82", b"\x82\x01".to_vec()),
        ("a call of a number", "calls a number", b"K\x01)R".to_vec()),
        ("a storage that is none", "no storage", b"X\x01\0\0\0sQ".to_vec()),
        ("a name without an end", "cut off", b"ctorch".to_vec()),
        ("appending to a number", "appends to a number", b"K\x01K\x01a".to_vec()),
    ] {
        let object = program(&body);
        let has_storage = body.starts_with(b"}X\x01\0\0\0ac");
        let file = if has_storage { with_storage(&object, &[0; 4]) } else { with_object(&object) };
        let error = refusal(what, &file);
        assert!(error.contains(word), "{what}: {error}");
    }
    // What holds itself is no error where nothing is looked for in it.
    let cycle = [b"\x80\x02}q\0X\x01\0\0\0bh\0s", &tensor[1..], b"."].concat();
    assert_eq!(read(&with_storage(&cycle, &[0; 4])).expect("a tensor").len(), 1);
}

#[test]
fn views_stay_within_their_storages() {
    let sound = tensor_of(4, b"K\0K\x02K\x02\x86K\x02K\x01\x86");
    assert_eq!(read(&with_storage(&sound, &[0; 16])).expect("sound").len(), 1);
    for (what, elements, arguments, bytes) in [
        ("a short storage", 4, &b"K\0K\x04\x85K\x01\x85"[..], 12),
        ("an offset beyond the end", 4, b"K\x04K\x01\x85K\x01\x85", 16),
        ("a shape beyond the end", 4, b"K\x01K\x02K\x02\x86K\x02K\x01\x86", 16),
        ("a negative offset", 4, b"J\xff\xff\xff\xffK\x01\x85K\x01\x85", 16),
        ("a negative stride", 4, b"K\x03K\x04\x85J\xff\xff\xff\xff\x85", 16),
        ("a negative side", 4, b"K\0J\xfc\xff\xff\xff\x85K\x01\x85", 16),
        ("a stride that overflows", 4, b"K\0K\x03\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85", 16),
        ("terabytes of one number", 4, b"K\0\x8a\x06\0\0\0\0\0\x01\x85K\0\x85", 16),
        ("a side that is no number", 4, b"K\0N\x85K\x01\x85", 16),
        ("more strides than sides", 4, b"K\0K\x02\x85K\x02K\x01\x86", 16),
        ("nine dimensions", 4, b"K\0(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t", 16),
        ("no strides", 4, b"K\0K\x01\x85", 16),
    ] {
        let error = refusal(what, &with_storage(&tensor_of(elements, arguments), &vec![0; bytes]));
        assert!(["tensor", "size", "shape"].iter().any(|word| error.contains(word)), "{what}: {error}");
    }
    let missing = refusal("no storage", &with_object(&tensor_of(1, b"K\0K\x01\x85K\x01\x85")));
    assert!(missing.contains("tensor a") && missing.contains("storage s"), "{missing}");
}

#[test]
fn archives_that_lie_are_errors() {
    let (_, zip) = files().into_iter().find(|(name, _)| name.ends_with("zipped")).expect("an archive");
    let find = |wanted: &[u8]| {
        zip.windows(wanted.len()).position(|window| window == wanted).expect("in the archive")
    };
    let changed = |at: usize, bytes: &[u8]| {
        let mut copy = zip.clone();
        copy[at..at + bytes.len()].copy_from_slice(bytes);
        copy
    };
    let (central, end) = (find(b"PK\x01\x02"), find(b"PK\x05\x06"));
    for (what, file, word) in [
        ("compressed", changed(central + 10, &[8]), "compressed"),
        ("encrypted", changed(central + 8, &[1]), "encrypted"),
        ("an entry elsewhere", changed(central + 42, &[9, 9]), "does not begin"),
        ("an entry beyond the end", changed(central + 42, &[0, 0, 0, 9]), "cut off"),
        ("a directory elsewhere", changed(end + 16, &[1, 0]), "directory"),
        ("65534 entries", changed(end + 10, &[0xfe, 0xff]), "entry"),
        ("another archive", changed(central + 46, b"nothing"), "data.pkl"),
    ] {
        let error = refusal(what, &file);
        assert!(error.contains(word), "{what}: {error}");
    }
    // PyTorch always writes the directory's 64-bit record too; it counts if the other one says that it must.
    let mut wide = changed(end + 10, &[0xff, 0xff]);
    assert!(read(&wide).expect("the same file") == read(&zip).expect("sound"));
    wide[find(b"PK\x06\x06")] = b'p';
    assert!(refusal("no 64-bit record", &wide).contains("64-bit"));
}

#[test]
fn limits_are_kept() {
    for (name, bytes) in
        files().iter().filter(|(name, _)| name.ends_with("zipped") || name.ends_with("legacy"))
    {
        for limits in [
            Limits { file_bytes: 100, ..Limits::default() },
            Limits { tensors: 2, ..Limits::default() },
            Limits { elements: 100, ..Limits::default() },
        ] {
            let error = pth::read(bytes, &limits).expect_err("too large").to_string();
            assert!(error.contains("limit"), "{name}: {error}");
        }
    }
}
