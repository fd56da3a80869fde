"""Pods as processes on loopback."""

from localmesh.kubelet.images import Image, Images
from localmesh.kubelet.kubelet import Kubelet
from localmesh.kubelet.node import NODE_NAME, PrepareProxy

__all__ = ["NODE_NAME", "Image", "Images", "Kubelet", "PrepareProxy"]
