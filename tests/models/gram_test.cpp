// Gram matrices and their products against Torch's, at sizes about those of the
// kernels' tiles and vectors.

#include <gtest/gtest.h>

#include "kernels/kernels.h"
#include "models/torch.h"

namespace cape::models {
namespace {

TEST(Gram, IsTheLowerTriangleOfTheInnerProducts) {
  torch::manual_seed(2);
  for (const std::int64_t rows : {1, 3, 4, 5, 16, 33}) {
    for (const std::int64_t columns : {1, 15, 16, 17, 40}) {
      const torch::Tensor x = torch::randn({rows, columns});
      const torch::Tensor product = torch::full({rows, rows}, 7.0F);
      kernels::gram(x.const_data_ptr<float>(), {rows, columns},
                    product.data_ptr<float>());
      const torch::Tensor expected =
          torch::mm(x.to(torch::kDouble), x.to(torch::kDouble).t());
      EXPECT_LT((product.to(torch::kDouble) - expected)
                    .tril()
                    .abs()
                    .max()
                    .item<double>(),
                1e-5)
          << rows << " x " << columns;
      EXPECT_TRUE(torch::equal(product.triu(1),
                               torch::full({rows, rows}, 7.0F).triu(1)))
          << "above the diagonal, of " << rows << " x " << columns;
    }
  }
}

TEST(GramDot, SumsOverBothTriangles) {
  torch::manual_seed(2);
  for (const std::int64_t rows : {1, 2, 16, 17, 40}) {
    const torch::Tensor a = torch::randn({rows, rows});
    const torch::Tensor b = torch::randn({rows, rows});
    const auto symmetric = [](const torch::Tensor& x) {
      return (x.tril() + x.tril(-1).t()).to(torch::kDouble);
    };
    EXPECT_NEAR(kernels::gram_dot(a.const_data_ptr<float>(),
                                  b.const_data_ptr<float>(), rows),
                (symmetric(a) * symmetric(b)).sum().item<double>(), 1e-4)
        << rows;
  }
}

}  // namespace
}  // namespace cape::models
