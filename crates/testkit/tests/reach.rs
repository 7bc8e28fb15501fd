//! No output pixel sees farther than the network's footprint says: tiles get their halo from it.

use amplio_graph::{receptive, reference};
use amplio_testkit::conformance;
use amplio_testkit::random::Random;

#[test]
fn no_pixel_sees_farther_than_its_footprint() {
    let mut failures = Vec::new();
    let mut tried = 0;
    for case in conformance::cases() {
        let footprint =
            receptive::footprint(&case.graph, &case.input).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let Some(reach) = footprint.reach else { continue };
        let picture = case.picture(1);
        let before = reference::run(&case.graph, &picture).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        if before.shape().rank() != 4 {
            continue;
        }
        tried += 1;
        let mut random = Random::new(7);
        for _ in 0..4 {
            let changed = [random.below(case.input[2]), random.below(case.input[3])];
            let mut other = picture.clone();
            let strides = case.input.strides();
            for (i, value) in other.data_mut().iter_mut().enumerate() {
                if [i / strides[2] % case.input[2], i % case.input[3]] == changed {
                    *value = 0.7 - *value;
                }
            }
            let after = reference::run(&case.graph, &other).unwrap_or_else(|e| panic!("{}: {e}", case.name));
            let size = [before.shape()[2], before.shape()[3]];
            let differ = before.data().iter().zip(after.data()).enumerate().filter(|(_, (a, b))| a != b);
            for (i, _) in differ {
                let at = [i / size[1] % size[0], i % size[1]];
                let seen = (0..2).all(|axis| {
                    let pixel = 1.0 / footprint.scale[axis].as_f64();
                    let [first, last] = [at[axis] as f64 * pixel, (at[axis] + 1) as f64 * pixel];
                    let place = changed[axis] as f64;
                    first - reach[axis][0] <= place + 1e-9 && last + reach[axis][1] >= place + 1.0 - 1e-9
                });
                if !seen {
                    failures.push(format!(
                        "{}: pixel {at:?} of {size:?} sees {changed:?}, beyond {footprint:?}",
                        case.name
                    ));
                    break;
                }
            }
        }
    }
    assert!(tried > 100, "only {tried} networks have a footprint");
    assert!(failures.is_empty(), "{} of {tried}:\n{}", failures.len(), failures.join("\n"));
}
