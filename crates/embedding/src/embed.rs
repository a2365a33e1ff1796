//! Ids become vectors (chapter 1.4): a table with a row for each token, and another with a row for each position.

use tch::{Device, Kind, Tensor, nn, no_grad};

/// The parameter `name` under `path`: the tensor that is there already, such as a loaded weight, or else a new one, drawn by
/// `draw`, which fills the tensor that it is given.
///
/// Drawing happens on the CPU whatever the device, so that a seed gives the same model everywhere.
///
/// # Panics
/// If the tensor that is there has another shape.
pub fn parameter(
    path: &nn::Path,
    name: &str,
    shape: &[i64],
    draw: impl FnOnce(&mut Tensor) -> Tensor,
) -> Tensor {
    if let Some(present) = path.get(name) {
        assert_eq!(present.size(), shape, "{} has not the shape its layer wants", path.path(name));
        return present;
    }
    let mut empty = Tensor::empty(shape, (Kind::Float, Device::Cpu));
    let drawn = no_grad(|| draw(&mut empty));
    path.add(name, drawn.to_device(path.device()), true)
}

/// A table of vectors, one row for each id.
pub struct Embedding {
    /// The table, `[rows, C]`.
    pub weight: Tensor,
}

impl Embedding {
    /// A table of `rows` vectors, drawn from the normal distribution of mean 0 and standard deviation 1.
    ///
    /// # Source
    /// PyTorch 2.13: `Embedding.reset_parameters` in `torch/nn/modules/sparse.py`.
    pub fn new(path: &nn::Path, rows: i64, channels: i64) -> Self {
        Self { weight: parameter(path, "weight", &[rows, channels], |w| w.normal_(0.0, 1.0)) }
    }

    /// Looks up the row of each id.
    ///
    /// # Shapes
    /// - `ids`: any shape, such as `[B, T]`
    /// - returns that shape with one axis more: `[B, T, C]`
    ///
    /// # Panics
    /// If an id is negative or not below the number of rows.
    pub fn forward(&self, ids: &Tensor) -> Tensor {
        Tensor::embedding(&self.weight, ids, -1, false, false)
    }
}

/// What GPT-2's first block reads: for each token, its vector plus the vector of its position.
pub struct InputEmbedding {
    /// A row for each id of the vocabulary.
    pub token: Embedding, // weight [V, C]
    /// A row for each position of the context.
    pub position: Embedding, // weight [context, C]
}

impl InputEmbedding {
    /// Draws the token table, then the position table, under `token` and `position`.
    pub fn new(path: &nn::Path, vocab_size: i64, context: i64, channels: i64) -> Self {
        Self {
            token: Embedding::new(&(path / "token"), vocab_size, channels),
            position: Embedding::new(&(path / "position"), context, channels),
        }
    }

    /// Adds what a token means and where it stands. `first_position` is 0 unless earlier tokens have been read before.
    ///
    /// # Shapes
    /// - `ids`: `[B, T]`
    /// - returns `[B, T, C]`
    ///
    /// # Panics
    /// If `ids` is not `[B, T]`, if the positions go beyond the context, or if an id is outside the vocabulary.
    ///
    /// # Source
    /// Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", equation 2: `h_0 = U W_e + W_p`.
    pub fn forward(&self, ids: &Tensor, first_position: i64) -> Tensor {
        let [_, t] = ids.size()[..] else { panic!("ids must be [B, T], got {:?}", ids.size()) };
        let (context, last) = (self.position.weight.size()[0], first_position + t - 1);
        let fits = 0 <= first_position && last < context;
        assert!(fits, "positions {first_position} to {last} do not fit a context of {context}");
        let tokens = self.token.forward(ids); // [B, T, C]
        let positions = self.position.weight.narrow(0, first_position, t); // [T, C]
        tokens + positions // the same positions for every sequence of the batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::nn::VarStore;

    #[test]
    fn each_id_gets_its_row() {
        let store = VarStore::new(Device::Cpu);
        let embedding = Embedding::new(&store.root(), 5, 3);
        let found = embedding.forward(&Tensor::from_slice(&[4_i64, 0, 4, 1]).view([2, 2]));
        assert_eq!(found.size(), [2, 2, 3]);
        assert_eq!(found.get(0).get(1), embedding.weight.get(0));
        assert_eq!(found.get(1).get(0), embedding.weight.get(4));
    }

    #[test]
    fn a_token_is_the_sum_of_its_row_and_the_row_of_its_position() {
        let store = VarStore::new(Device::Cpu);
        let embedding = InputEmbedding::new(&store.root(), 7, 5, 3);
        let ids = Tensor::from_slice(&[6_i64, 6, 0, 6, 2, 1]).view([2, 3]);
        let embedded = embedding.forward(&ids, 0);
        assert_eq!(embedded.size(), [2, 3, 3]);
        assert_eq!(
            embedded.get(1).get(2),
            embedding.token.weight.get(1) + embedding.position.weight.get(2)
        );

        let later = embedding.forward(&ids, 2);
        assert_eq!(
            later.get(0).get(0),
            embedding.token.weight.get(6) + embedding.position.weight.get(2)
        );
    }

    #[test]
    #[should_panic(expected = "ids must be [B, T], got [3]")]
    fn ids_without_a_batch_are_refused() {
        let store = VarStore::new(Device::Cpu);
        let _ = InputEmbedding::new(&store.root(), 7, 5, 2)
            .forward(&Tensor::from_slice(&[1_i64, 2, 3]), 0);
    }

    #[test]
    #[should_panic(expected = "positions 3 to 5 do not fit a context of 5")]
    fn positions_beyond_the_context_are_refused() {
        let store = VarStore::new(Device::Cpu);
        let _ = InputEmbedding::new(&store.root(), 7, 5, 2)
            .forward(&Tensor::from_slice(&[1_i64, 2, 3]).view([1, 3]), 3);
    }

    #[test]
    fn a_parameter_that_is_drawn_can_be_trained() {
        let store = VarStore::new(Device::Cpu);
        let embedding = Embedding::new(&store.root(), 5, 3);
        embedding.forward(&Tensor::from_slice(&[2_i64, 2])).sum(Kind::Float).backward();
        let gradient = embedding.weight.grad().sum_dim_intlist(1, false, Kind::Float); // [rows]
        assert_eq!(crate::support::show::tensor(&gradient), "0. 0. 6. 0. 0.");
        assert_eq!(store.trainable_variables().len(), 1);
    }

    #[test]
    fn a_parameter_that_is_there_already_is_taken_and_nothing_is_drawn() {
        let store = VarStore::new(Device::Cpu);
        let loaded = store.root().ones("weight", &[5, 3]);
        let taken =
            parameter(&store.root(), "weight", &[5, 3], |_| panic!("nothing is to be drawn"));
        assert_eq!(taken, loaded);
        assert_eq!(Embedding::new(&store.root(), 5, 3).weight, loaded);
        assert_eq!(store.trainable_variables().len(), 1);
    }

    #[test]
    #[should_panic(expected = "weight has not the shape its layer wants")]
    fn a_parameter_of_another_shape_is_not_taken() {
        let store = VarStore::new(Device::Cpu);
        let _ = store.root().ones("weight", &[3, 5]);
        let _ = Embedding::new(&store.root(), 5, 3);
    }
}
