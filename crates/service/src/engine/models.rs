//! Models that stay ready for the next picture.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use amplio::Upscaler;
use amplio::graph::Device;
use amplio::models::{Model, builtin};

use crate::refusal::{Code, Refusal};

/// Bytes that a loaded model takes for each of its numbers: as read, and as packed for the CPU.
const BYTES_PER_NUMBER: u64 = 12;

/// Which models there are, and those that are loaded.
pub(crate) struct Models {
    device: Arc<dyn Device>,
    folder: Option<PathBuf>,
    /// Bytes that those may take that nobody uses.
    memory: u64,
    /// Bytes that the compiled programs of a model take beside its weights.
    programs: u64,
    idle: Duration,
    loaded: Mutex<HashMap<String, Loaded>>,
}

struct Loaded {
    upscaler: Upscaler,
    bytes: u64,
    used: Instant,
}

/// What is known about a model without loading it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) name: String,
    /// Other names that mean it.
    pub(crate) aliases: Vec<String>,
    pub(crate) scale: Option<usize>,
    pub(crate) description: String,
    pub(crate) licence: Option<String>,
    /// Its file; built in if `None`.
    pub(crate) path: Option<PathBuf>,
}

pub(crate) struct Limits {
    pub(crate) memory: u64,
    pub(crate) programs: u64,
    pub(crate) idle: Duration,
}

impl Models {
    pub(crate) fn new(device: Arc<dyn Device>, folder: Option<&Path>, limits: &Limits) -> Self {
        let &Limits { memory, programs, idle } = limits;
        let folder = folder.map(Path::to_owned);
        Self { device, folder, memory, programs, idle, loaded: Mutex::default() }
    }

    /// All models that may be named.
    pub(crate) fn known(&self) -> Vec<Known> {
        let builtin = builtin::BUILTIN.iter().map(|model| Known {
            name: model.name.into(),
            aliases: model.aliases.iter().map(|&alias| alias.into()).collect(),
            scale: Some(model.scale),
            description: model.description.into(),
            licence: Some(model.licence.into()),
            path: None,
        });
        builtin.chain(self.files()).collect()
    }

    /// The one name of a model, by which results are told apart.
    pub(crate) fn find(&self, name: &str) -> Result<Known, Refusal> {
        self.known().into_iter().find(|model| model.means(name)).ok_or_else(|| {
            let known: Vec<_> = self.known().into_iter().map(|model| model.name).collect();
            let name: String = name.chars().take(80).collect();
            Refusal::invalid(format!("there is no model {name:?}; there are {}", known.join(", ")))
        })
    }

    /// A model, ready. Loading is done by the caller's thread; others wait for it.
    pub(crate) fn get(&self, known: &Known) -> Result<Upscaler, Refusal> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = loaded.get_mut(&known.name) {
            model.used = Instant::now();
            return Ok(model.upscaler.clone());
        }
        let model = match &known.path {
            Some(path) => Model::load(path),
            None => Model::builtin(&known.name),
        };
        let model =
            model.map_err(|error| Refusal::new(Code::Internal, format!("{}: {error}", known.name)))?;
        let bytes = model.info().parameters as u64 * BYTES_PER_NUMBER + self.programs;
        let upscaler = Upscaler::new(Arc::new(model.without_weights()), self.device.clone());
        let used = Instant::now();
        loaded.insert(known.name.clone(), Loaded { upscaler: upscaler.clone(), bytes, used });
        evict(&mut loaded, self.memory, &known.name);
        Ok(upscaler)
    }

    /// Gives up models that have waited too long. Those in use live on until they are done.
    pub(crate) fn tidy(&self) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|_, model| model.used.elapsed() < self.idle);
    }

    /// How many are loaded, and what they take by estimate.
    pub(crate) fn loaded(&self) -> (usize, u64) {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        (loaded.len(), loaded.values().map(|model| model.bytes).sum())
    }

    fn files(&self) -> Vec<Known> {
        let Some(entries) = self.folder.as_deref().and_then(|folder| std::fs::read_dir(folder).ok()) else {
            return Vec::new();
        };
        let endings = ["safetensors", "pth", "onnx", "param"];
        let mut files: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().and_then(|e| e.to_str()).is_some_and(|e| endings.contains(&e)))
            .filter_map(|path| {
                let name = path.file_stem()?.to_str()?.to_owned();
                let description = "A model of this server".to_owned();
                Some(Known {
                    name,
                    aliases: Vec::new(),
                    scale: None,
                    description,
                    licence: None,
                    path: Some(path),
                })
            })
            .collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    }
}

impl Known {
    /// Whether a name is one of its.
    pub(crate) fn means(&self, name: &str) -> bool {
        let mut names = std::iter::once(&self.name).chain(&self.aliases);
        names.any(|known| known.eq_ignore_ascii_case(name))
    }

    /// What tells this model from another one of the same name.
    pub(crate) fn identity(&self) -> String {
        let changed = self.path.as_deref().and_then(|path| path.metadata().ok());
        let stamp = changed.map(|file| (file.len(), file.modified().ok()));
        format!("{}{stamp:?}", self.name)
    }
}

/// Gives up those that were used least recently until the rest fits; never the one that is wanted now.
fn evict(loaded: &mut HashMap<String, Loaded>, memory: u64, wanted: &str) {
    while loaded.values().map(|model| model.bytes).sum::<u64>() > memory {
        let others = loaded.iter().filter(|(name, _)| *name != wanted);
        let Some(oldest) = others.min_by_key(|(_, model)| model.used).map(|(name, _)| name.clone()) else {
            return;
        };
        loaded.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use amplio::cpu::Cpu;

    use super::*;

    fn models(memory: u64, idle: Duration) -> Models {
        let device = Arc::new(Cpu::best(1).expect("a device"));
        Models::new(device, None, &Limits { memory, programs: 0, idle })
    }

    #[test]
    fn models_are_found_by_any_of_their_names() {
        let models = models(0, Duration::ZERO);
        assert_eq!(models.find("PHOTO").expect("an alias").name, "realesr-general-x4v3");
        assert!(models.find("../../etc/passwd").is_err());
    }

    #[test]
    fn models_are_given_up_for_others_and_after_a_while() {
        let get = |models: &Models, name| models.get(&models.find(name).expect("known")).map(drop);
        let few = models(1, Duration::from_secs(600));
        get(&few, "photo").expect("loads");
        get(&few, "anime").expect("loads");
        assert_eq!(few.loaded().0, 1);
        let many = models(1 << 40, Duration::ZERO);
        get(&many, "photo").expect("loads");
        get(&many, "anime").expect("loads");
        assert_eq!(many.loaded().0, 2);
        many.tidy();
        assert_eq!(many.loaded().0, 0);
    }
}
