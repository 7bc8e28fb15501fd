//! Training frameworks wrap a network's tensors in containers. This is the one place that knows them.

use std::collections::{BTreeSet, HashSet};

use crate::{Weights, archs};

/// Containers beside which a file may hold other things (optimiser states, other copies of the weights), most wanted first:
/// the running average of the weights before the weights themselves.
const CONTAINERS: [&str; 12] = [
    "model_state_dict",
    "state_dict",
    "params_ema",
    "params-ema",
    "params",
    "generator",
    "gen",
    "netG",
    "net_g",
    "network",
    "net",
    "model",
];

/// Wrappers around the whole network.
const WRAPPERS: [&str; 2] = ["module", "_orig_mod"];

/// With what the names begin of what may lie beside a network in the checkpoint of its training: the other one of a pair of
/// networks, other copies of the weights, losses, optimisers, schedules.
const COMPANIONS: [&str; 9] =
    ["disc", "netD", "net_d", "ema", "model_ema", "loss", "criterion", "optim", "sched"];

/// Words of the names under which a checkpoint may hold a network, besides the containers.
const WORDS: [&str; 12] =
    ["dict", "ema", "g", "gen", "generator", "mod", "model", "module", "net", "netg", "network", "sr"];

/// How many of the outermost names are looked under; checkpoints have few.
const MOST_NAMES: usize = 64;

/// The network's own tensors under the network's own paths. Where the known names do not tell which they are, what is called like a
/// network and is one that an architecture knows.
pub(crate) fn unwrapped(weights: Weights) -> Weights {
    let weights = unwrapped_by_name(weights);
    if archs::detect(&weights).is_ok() {
        return weights;
    }
    only_network(&weights).unwrap_or(weights)
}

fn unwrapped_by_name(weights: Weights) -> Weights {
    let container = container(weights.paths());
    if container.is_empty() {
        return weights;
    }
    weights.renamed(|path| path.strip_prefix(&container).map(str::to_owned))
}

/// The only network under one of the outermost names; of several, the only one that is a running average.
fn only_network(weights: &Weights) -> Option<Weights> {
    let names = outermost_names(weights.paths()).into_iter().filter(|name| has_word(name, &WORDS));
    let within = |name| unwrapped_by_name(weights.renamed(|path| inside(path, name).map(str::to_owned)));
    let networks = names.take(MOST_NAMES).map(|name| (name, within(name)));
    let networks: Vec<_> = networks.filter(|(_, network)| archs::detect(network).is_ok()).collect();
    let (averages, others): (Vec<_>, Vec<_>) = networks.into_iter().partition(|(name, _)| is_average(name));
    let mut wanted = if averages.is_empty() { others } else { averages };
    if wanted.len() == 1 { wanted.pop().map(|(_, network)| network) } else { None }
}

/// With what the paths of the network's own tensors begin, up to and with a dot; empty if all are.
pub(crate) fn container<'a>(paths: impl Iterator<Item = &'a str>) -> String {
    let mut paths: Vec<_> = paths.collect();
    let mut container = String::new();
    // Each turn makes the paths shorter.
    while let Some(name) = outermost(&paths) {
        let name = average_of(name, &paths).unwrap_or(name);
        paths = paths.into_iter().filter_map(|path| inside(path, name)).collect();
        container.push_str(name);
        container.push('.');
    }
    container
}

fn outermost(paths: &[&str]) -> Option<&'static str> {
    let within = |name: &'static str| paths.iter().map(move |path| inside(path, name));
    let holds_all = |name| !paths.is_empty() && within(name).all(|path| path.is_some());
    let holds_the_network = |name| match name {
        // A part of a network may have such a name: it counts only if no other part lies beside it. And a list of layers
        // has numbers for names (ESRGAN's `model.0`), which a container has not.
        "generator" | "gen" | "netG" | "net_g" | "network" | "net" | "model" => {
            let beside = |path: &&str| inside(path, name).is_none() && !is_companion(path);
            within(name).flatten().next().is_some()
                && !paths.iter().any(beside)
                && within(name).flatten().all(|path| !path.starts_with(|c: char| c.is_ascii_digit()))
        }
        _ => within(name).flatten().next().is_some(),
    };
    let wrapper = WRAPPERS.into_iter().find(|name| holds_all(name));
    wrapper.or_else(|| CONTAINERS.into_iter().find(|name| holds_the_network(name)))
}

/// The container of a running average of all that lies in the container called `name`.
fn average_of<'a>(name: &str, paths: &[&'a str]) -> Option<&'a str> {
    let averages =
        outermost_names(paths.iter().copied()).into_iter().filter(|it| *it != name && is_average(it));
    averages.take(MOST_NAMES).find(|average| {
        let averaged: HashSet<_> = paths.iter().filter_map(|path| inside(path, average)).collect();
        paths.iter().filter_map(|path| inside(path, name)).all(|path| averaged.contains(path))
    })
}

fn outermost_names<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    paths.filter_map(|path| path.split_once('.')).map(|(name, _)| name).collect()
}

fn is_average(name: &str) -> bool {
    has_word(name, &["ema"])
}

fn has_word(name: &str, words: &[&str]) -> bool {
    name.split(['_', '-']).any(|word| words.contains(&word.to_ascii_lowercase().as_str()))
}

fn is_companion(path: &str) -> bool {
    COMPANIONS.iter().any(|name| path.starts_with(name))
}

fn inside<'a>(path: &'a str, container: &str) -> Option<&'a str> {
    path.strip_prefix(container)?.strip_prefix('.').filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;
    use amplio_graph::{Shape, Tensor};

    fn unwrapped_paths(paths: &[&str]) -> Vec<String> {
        let mut weights = Weights::new();
        for (i, path) in paths.iter().enumerate() {
            weights.insert(*path, Tensor::scalar(i as f32), DType::F32);
        }
        unwrapped(weights).paths().map(str::to_owned).collect()
    }

    #[test]
    fn containers_disappear() {
        for prefix in [
            "",
            "params.",
            "params_ema.",
            "state_dict.",
            "model_state_dict.",
            "module.",
            "netG.",
            "generator.",
        ] {
            let path = format!("{prefix}body.0.weight");
            assert_eq!(unwrapped_paths(&[&path]), ["body.0.weight"], "{path}");
        }
        assert_eq!(unwrapped_paths(&["state_dict.module.params.a.b"]), ["a.b"]);
    }

    #[test]
    fn the_running_average_wins() {
        let mut weights = Weights::new();
        weights.insert("params.a", Tensor::scalar(1.0), DType::F32);
        weights.insert("params_ema.a", Tensor::scalar(2.0), DType::F32);
        weights.insert("optimizer.a", Tensor::scalar(3.0), DType::F32);
        let weights = unwrapped(weights);
        assert_eq!(weights.len(), 1);
        assert_eq!(weights.get("a").map(|w| w.tensor.data()[0]), Some(2.0));
    }

    #[test]
    fn what_belongs_to_the_training_is_left_out() {
        assert_eq!(
            unwrapped_paths(&["netD.0.weight", "netG.module.body.0.weight", "optimizer_g.state.0.exp_avg"]),
            ["body.0.weight"]
        );
    }

    /// A compact network whose numbers are all `number`, in the container `name`.
    fn with_compact(mut weights: Weights, name: &str, number: f32) -> Weights {
        for (path, shape) in
            [("0.weight", vec![3, 3, 1, 1]), ("1.weight", vec![3]), ("2.weight", vec![3, 3, 1, 1])]
        {
            let tensor = Tensor::from_fn(Shape::new(shape), |_| number);
            weights.insert(format!("{name}.body.{path}"), tensor, DType::F32);
        }
        weights
    }

    #[test]
    fn networks_are_found_in_checkpoints_of_their_training() {
        let containers =
            ["state_dict.generator", "state_dict_ema", "net_g", "g_ema", "ema", "G", "model_g", "sr_model"];
        for name in containers.into_iter().chain(["module", "_orig_mod", "model.module", "generator"]) {
            let mut weights = with_compact(Weights::new(), name, 1.0);
            for beside in
                ["perceptual_loss.vgg.mean", "psnr.total", "lpips.net.weight", "d_optim.state.0.exp_avg"]
            {
                let outer = if name.starts_with("state_dict.") { "state_dict." } else { "" };
                weights.insert(format!("{outer}{beside}"), Tensor::scalar(0.0), DType::F32);
            }
            let paths: Vec<_> = unwrapped(weights).paths().map(str::to_owned).collect();
            assert_eq!(paths, ["body.0.weight", "body.1.weight", "body.2.weight"], "{name}");
        }
    }

    #[test]
    fn the_running_average_is_taken_whatever_it_is_called() {
        for [name, average] in [
            ["generator", "generator_ema"],
            ["model", "ema"],
            ["state_dict", "state_dict_ema"],
            ["net_g", "net_g_ema"],
        ] {
            let weights = with_compact(with_compact(Weights::new(), name, 1.0), average, 2.0);
            let number = unwrapped(weights).get("body.1.weight").map(|weight| weight.tensor.data()[0]);
            assert_eq!(number, Some(2.0), "{average}");
        }
    }

    #[test]
    fn networks_within_networks_are_no_checkpoints() {
        // Nothing says which of two is meant, and an encoder is a part.
        let two = with_compact(with_compact(Weights::new(), "net_a", 1.0), "net_b", 2.0);
        assert_eq!(unwrapped(two.clone()), two);
        let mut larger = with_compact(Weights::new(), "encoder", 1.0);
        larger.insert("flow.0.weight", Tensor::scalar(0.0), DType::F32);
        assert_eq!(unwrapped(larger.clone()), larger);
    }

    #[test]
    fn parts_of_a_network_stay() {
        assert_eq!(unwrapped_paths(&["model.0.weight", "model.1.sub.0.weight"]).len(), 2);
        assert_eq!(unwrapped_paths(&["model.0.weight"]), ["model.0.weight"]);
        assert_eq!(
            unwrapped_paths(&["head.weight", "model.tail.weight"]),
            ["head.weight", "model.tail.weight"]
        );
    }
}
