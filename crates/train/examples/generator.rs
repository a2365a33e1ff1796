//! The random numbers behind every demo: libtorch's generator written out, and how many numbers each operation takes from it (the
//! page "Where the numbers come from").

use anyhow::{Context, Result, ensure};
use attention::linear::Linear;
use embedding::{embed::Embedding, loader::Loader, support::generators::Libtorch};
use rand::{Rng, TryRng, rand_core::utils};
use std::convert::Infallible;
use tch::{Device, Kind, Tensor, nn::VarStore};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);
const SEED: u32 = 123;

fn main() -> Result<()> {
    tch::set_num_threads(1);
    let mut generator = Mt19937::new(SEED);
    let stream: Vec<u32> = (0..2000).map(|_| generator.next()).collect();

    println!("the generator with seed {SEED}");
    println!("{} {} {} {}", stream[0], stream[1], stream[2], stream[3]);
    tch::manual_seed(i64::from(SEED));
    println!(
        "four uniform numbers by libtorch\n{}",
        words(&Vec::<f64>::try_from(Tensor::rand([4], CPU))?)
    );
    // A 32-bit float has 24 bits for its digits.
    let by_hand: Vec<f64> = stream[..4]
        .iter()
        .map(|number| f64::from(number % (1 << 24)) / f64::from(1 << 24))
        .collect();
    println!("by hand, the low 24 bits over 2 to the power of 24\n{}", words(&by_hand));
    tch::manual_seed(i64::from(SEED));
    println!(
        "a whole number of 63 bits by libtorch\n{}",
        Tensor::empty([], (Kind::Int64, Device::Cpu)).random_().int64_value(&[])
    );
    let both = Mt19937::new(SEED).next_u64() % (1 << 63);
    println!("by hand, the first number before the second\n{both}");

    println!("numbers taken from the generator");
    let ones = |count: i64| Tensor::ones([count], CPU);
    let taken: [(&str, &dyn Fn()); 14] = [
        ("uniform 40", &|| drop(Tensor::rand([40], CPU))),
        ("normal 8", &|| drop(Tensor::randn([8], CPU))),
        ("normal 48", &|| drop(Tensor::randn([48], CPU))),
        ("normal 40", &|| drop(Tensor::randn([40], CPU))),
        ("embedding of 50 rows and 8 channels", &|| {
            drop(Embedding::new(&VarStore::new(Device::Cpu).root(), 50, 8));
        }),
        ("linear 4 to 4 without bias", &|| {
            drop(Linear::new(&VarStore::new(Device::Cpu).root(), 4, 4, false));
        }),
        ("linear 4 to 4 with bias", &|| {
            drop(Linear::new(&VarStore::new(Device::Cpu).root(), 4, 4, true));
        }),
        ("dropout of 40 while training", &|| drop(ones(40).dropout(0.1, true))),
        ("dropout of 40 while measuring", &|| drop(ones(40).dropout(0.1, false))),
        ("dropout of 40 with probability 0", &|| drop(ones(40).dropout(0.0, true))),
        ("pass in order over 40 items", &|| pass(false)),
        ("shuffled pass over 40 items", &|| pass(true)),
        ("one draw among 8 words", &|| drop(ones(8).multinomial(1, true))),
        ("one draw among 800 words", &|| drop(ones(800).multinomial(1, true))),
    ];
    for (name, operation) in taken {
        println!("{name}: {}", count(&stream, operation).with_context(|| name.to_owned())?);
    }

    tch::manual_seed(i64::from(SEED));
    let loader = Loader::new(9, 9, true, true)?;
    let order = loader.pass(Libtorch).next().context("a loader has a batch")?;
    ensure!(
        loader.pass(Mt19937::new(SEED)).next().as_ref() == Some(&order),
        "the generator written out gives another order than libtorch's"
    );
    println!(
        "a shuffled pass over 9 items\n{}",
        order.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    );

    tch::manual_seed(i64::from(SEED));
    let (mean, gradient) = (Tensor::randn([1000], CPU), Tensor::randn([1000], CPU));
    let moved = mean.lerp(&gradient, 1.0 - 0.9);
    let summed = &mean * 0.9 + &gradient * (1.0 - 0.9);
    let differing = moved.ne_tensor(&summed).sum(Kind::Int64).int64_value(&[]);
    println!(
        "a mean moved by lerp, and by multiplying and adding: {differing} of 1000 differ in the last bit"
    );
    Ok(())
}

fn words(numbers: &[f64]) -> String {
    numbers.iter().map(|number| format!("{number:.6}")).collect::<Vec<_>>().join(" ")
}

fn pass(shuffled: bool) {
    let loader = Loader::new(40, 4, shuffled, true).expect("40 items fill 10 batches");
    assert_eq!(loader.pass(Libtorch).count(), 10);
}

/// How far an operation moves libtorch's generator along the stream: it is looked up where the next three numbers stand in it.
fn count(stream: &[u32], operation: &dyn Fn()) -> Option<usize> {
    tch::manual_seed(i64::from(SEED));
    operation();
    let next: Vec<i64> =
        Vec::try_from(Tensor::empty([3], (Kind::Int64, Device::Cpu)).random_to_(1 << 24)).ok()?;
    stream.windows(3).position(|three| {
        three.iter().zip(&next).all(|(ours, theirs)| i64::from(ours % (1 << 24)) == *theirs)
    })
}

/// The Mersenne Twister: 624 numbers of 32 bits, mixed anew when all have been used.
///
/// # Source
/// Matsumoto and Nishimura 1998, "Mersenne Twister", section 2.1; seeding as `init_genrand` in their `mt19937ar.c`.
struct Mt19937 {
    state: [u32; 624],
    place: usize,
}

impl Mt19937 {
    fn new(seed: u32) -> Self {
        let mut state = [seed; 624];
        for i in 1..624 {
            let before = state[i - 1];
            state[i] = (before ^ (before >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Self { state, place: 624 }
    }

    fn next(&mut self) -> u32 {
        if self.place == 624 {
            self.mix();
        }
        let mut number = self.state[self.place];
        self.place += 1;
        number ^= number >> 11;
        number ^= (number << 7) & 0x9d2c_5680;
        number ^= (number << 15) & 0xefc6_0000;
        number ^ (number >> 18)
    }

    fn mix(&mut self) {
        for i in 0..624 {
            let joined = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % 624] & 0x7fff_ffff);
            let odd = if joined % 2 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + 397) % 624] ^ (joined >> 1) ^ odd;
        }
        self.place = 0;
    }
}

impl TryRng for Mt19937 {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next())
    }

    /// As libtorch makes it: the first number is the upper half.
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let upper = u64::from(self.next());
        Ok(upper << 32 | u64::from(self.next()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        utils::fill_bytes_via_next_word(bytes, || self.try_next_u32())
    }
}
