"""The parts that a visitor's network may be made of, by the module that Keras 3 names and the class. Nothing else is.

Keras' own safe mode still calls functions that a file names. So a file may name what stands here, and that alone.
"""

from __future__ import annotations

_DIMENSIONS = ("1D", "2D", "3D")


def _each_dimension(*names: str) -> frozenset[str]:
    """A class for lines, one for planes, one for volumes."""
    return frozenset(name + dimension for name in names for dimension in _DIMENSIONS)


LAYERS = (
    _each_dimension(
        "Conv", "MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling", "ZeroPadding", "Cropping",
        "UpSampling", "SpatialDropout",
    )
    | frozenset({
        "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv1D", "DepthwiseConv2D",
        "SeparableConv1D", "SeparableConv2D",
        "InputLayer", "Dense", "EinsumDense", "Embedding", "Flatten", "Reshape", "Permute", "RepeatVector", "Identity",
        "Masking", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax",
        "BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization",
        "Normalization", "Rescaling", "Resizing", "CenterCrop",
        "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness",
        "RandomCrop",
        "Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "ActivityRegularization",
        "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot",
        "Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention",
        "LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell", "TimeDistributed", "Bidirectional",
    })
)  # fmt: skip

OPERATIONS = {
    "keras.src.ops.numpy": frozenset({
        "Abs", "Absolute", "Add", "Clip", "Concatenate", "Divide", "Exp", "ExpandDims", "Expm1", "Flip", "GetItem",
        "Log", "Log1p", "Matmul", "Max", "Maximum", "Mean", "Min", "Minimum", "Moveaxis", "Multiply", "Negative",
        "Power", "Reciprocal", "Reshape", "Sign", "Sqrt", "Square", "Squeeze", "Stack", "Std", "Subtract", "Sum",
        "Swapaxes", "Tanh", "Transpose", "TrueDivide", "Var",
    }),
    "keras.src.ops.nn": frozenset({
        "AveragePool", "Celu", "Elu", "Gelu", "Glu", "HardSigmoid", "HardSilu", "LeakyRelu", "LogSigmoid",
        "LogSoftmax", "MaxPool", "Normalize", "Relu", "Relu6", "Selu", "Sigmoid", "Silu", "Softmax", "Softplus",
        "Softsign",
    }),
    "keras.src.ops.core": frozenset({"Cast", "StopGradient"}),
    "keras.src.ops.image": frozenset({"Resize", "RGBToGrayscale"}),
    "keras.src.ops.math": frozenset({"Rsqrt", "Erf", "Logsumexp"}),
}  # fmt: skip

MODELS = {"Sequential": "keras", "Functional": "keras.src.models.functional"}

OF_APPLICATIONS = {  # layers that Keras' own ready-made networks bring along
    "LayerScale": "keras.src.applications.convnext",
    "CustomScaleLayer": "keras.src.applications.inception_resnet_v2",
}

SETTINGS = {  # parts without weights of their own: module -> classes
    "keras.initializers": frozenset({
        "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "LecunNormal",
        "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling",
        "Zeros",
    }),
    "keras.regularizers": frozenset({"L1", "L2", "L1L2", "OrthogonalRegularizer"}),
    "keras.constraints": frozenset({"MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"}),
    "keras": frozenset({"DTypePolicy"}),
    "keras.dtype_policies": frozenset({"QuantizedDTypePolicy"}),
    "keras.quantizers": frozenset({"AbsMaxQuantizer", "Int8QuantizationConfig"}),
}  # fmt: skip

ACTIVATIONS = frozenset({
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
    "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu",
    "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus",
    "swish", "tanh", "tanh_shrink", "threshold",
})  # fmt: skip

VALUES = frozenset({"__keras_tensor__", "__numpy__", "__tensor__", "__slice__", "__ellipsis__", "__tuple__"})

DTYPES = frozenset({
    "float16", "float32", "float64", "bfloat16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool",
})  # fmt: skip

REFUSED = {  # class -> why not, and what to do
    "Lambda": "runs code of its own; replace it by Rescaling or by plain sums and products, and save again",
    "__lambda__": "runs code of its own; replace it by a layer and save again",
    "TFOpLambda": "is an operation of Keras 2 that Keras 3 cannot read; build the network with Keras 3 and save again",
    "SlicingOpLambda": "is an operation of Keras 2 that Keras 3 cannot read; build the network with Keras 3",
    "TFSMLayer": "runs a program stored elsewhere; save the Keras layers themselves",
    "TorchModuleWrapper": "holds a PyTorch module; build the network of Keras layers",
    "JaxLayer": "holds a JAX function; build the network of Keras layers",
    "FlaxLayer": "holds a Flax module; build the network of Keras layers",
    "StringLookup": "looks words up in a file; leave the preprocessing of text out and save again",
    "IntegerLookup": "looks numbers up in a file; leave it out and save again",
    "TextVectorization": "looks words up in a file; leave the preprocessing of text out and save again",
    "Hashing": "is not for pictures; leave it out and save again",
    "HashedCrossing": "is not for pictures; leave it out and save again",
    "FeatureSpace": "is not for pictures; leave it out and save again",
}
for _name in ("__typespec__", "TypeSpec", "CompositeTensor", "TensorShape", "__bytes__"):
    REFUSED[_name] = "holds TensorFlow objects instead of layers; save the network again with Keras 3"


def modules_of(name: str) -> tuple[str, ...]:
    """The modules in which a class may be named, the likeliest first; none for a class that is not here."""
    homes = []
    if name in LAYERS:
        homes.append("keras.layers")
    homes += [home for catalogue in (MODELS, OF_APPLICATIONS) if (home := catalogue.get(name))]
    homes += [home for group in (OPERATIONS, SETTINGS) for home, names in group.items() if name in names]
    return tuple(homes)


def is_operation(module: str) -> bool:
    """Whether a module holds bare operations, such as ``x + 1`` in a functional network."""
    return module in OPERATIONS


def is_part(module: str, name: str) -> bool:
    """Whether a class is a layer, an operation or a network, that is, computes something."""
    return name not in SETTINGS.get(module, ())
