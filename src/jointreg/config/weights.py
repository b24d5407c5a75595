"""Mask R-CNN's weights: which methods need them, and where to get them."""

MASK_RCNN = ("detectron2", "torchvision")
"""Methods of `segment` that are a Mask R-CNN. They read whole pictures, and are slow without a GPU."""

GET_WEIGHTS = {
    "landmarker": "python tools/fetch_lab.py",
    "detectron2": "fetch model_final_f10217.pkl of COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x "
    "(137849600) in detectron2's model zoo, and take its sha256 (sha256sum FILE)",
    "torchvision": "fetch https://download.pytorch.org/models/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth, "
    "whose sha256 begins with bf2d0c1e",
}
"""Where the weights of each method of `segment` come from."""
