#include "plain/families.h"

namespace cape::plain {
namespace {

/// `Stock` is torch::nn::LSTM or torch::nn::GRU, `Options` its options.
template <class Stock, class Options, class Description>
class Rnn : public PlainModel {
 public:
  Rnn(const Description& rnn, const Shape& input, std::int64_t outputs)
      : rnn_(register_module(
            "rnn", Stock(Options(input.at(0) * input.at(2), rnn.hidden)
                             .num_layers(rnn.layers)
                             .bidirectional(rnn.bidirectional)
                             .batch_first(true)))),
        head_(register_module(
            "head", torch::nn::Linear(rnn.hidden * (rnn.bidirectional ? 2 : 1),
                                      outputs))) {}

  torch::Tensor forward(const torch::Tensor& inputs) override {
    // Step t reads row t of all channels.
    const torch::Tensor rows = inputs.transpose(1, 2).flatten(2);
    return head_->forward(std::get<0>(rnn_->forward(rows)).select(1, -1));
  }

  std::vector<torch::Tensor> weights() const override {
    // Stock: both weights of a cell, then both biases; ours: the weight and
    // the bias of the input, then of the state.
    std::vector<torch::Tensor> all = parameters();
    for (std::size_t i = 0; i + 4 <= all.size(); i += 4) {
      std::swap(all[i + 1], all[i + 2]);
    }
    return all;
  }

 private:
  Stock rnn_;
  torch::nn::Linear head_;
};

}  // namespace

ModelPointer make(const zoo::Lstm& lstm, const Shape& input,
                  std::int64_t outputs) {
  return std::make_shared<
      Rnn<torch::nn::LSTM, torch::nn::LSTMOptions, zoo::Lstm>>(lstm, input,
                                                               outputs);
}

ModelPointer make(const zoo::Gru& gru, const Shape& input,
                  std::int64_t outputs) {
  return std::make_shared<Rnn<torch::nn::GRU, torch::nn::GRUOptions, zoo::Gru>>(
      gru, input, outputs);
}

}  // namespace cape::plain
