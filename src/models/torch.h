/// What is used here of LibTorch: tensors, gradients, modules that contain
/// modules. <torch/torch.h>, which has all stock modules, optimizers and
/// loaders as well, takes a compiler longer.
#pragma once

#include <torch/autograd.h>
#include <torch/cuda.h>
#include <torch/nn/functional.h>
#include <torch/nn/module.h>
#include <torch/types.h>
#include <torch/utils.h>
#include <torch/version.h>
