// make_module FILE [OUTPUTS] [HIDDEN]: a TorchScript module for images of 28 x
// 28, as torch.jit.save writes them: one hidden layer, by default 7,960 or so
// parameters.
#include <torch/script.h>

#include <cstdlib>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const int outputs = argc > 2 ? std::atoi(argv[2]) : 10;
  const int hidden = argc > 3 ? std::atoi(argv[3]) : 10;
  torch::manual_seed(1);
  torch::jit::Module module("Net");
  const auto add = [&](const char* name, at::IntArrayRef shape) {
    module.register_parameter(name, 0.05 * torch::randn(shape), false);
  };
  add("w1", {hidden, 784});
  add("b1", {hidden});
  add("w2", {outputs, hidden});
  add("b2", {outputs});
  module.define(R"(
def forward(self, x):
    x = torch.gelu(torch.linear(torch.flatten(x, 1), self.w1, self.b1))
    return torch.linear(x, self.w2, self.b2)
)");
  for (const auto& parameter : module.parameters()) {
    parameter.requires_grad_(true);
  }
  module.save(argv[1]);
}
